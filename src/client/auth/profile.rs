//! `DATABRICKS_*` variables and profiles of `~/.databrickscfg`, in the order of Databricks unified authentication:
//! what the caller says, then the environment, then the file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::client::redact::{quoted, quoted_address};
use crate::client::{Error, Result};

/// The profile that is taken where none is named.
const DEFAULT: &str = "DEFAULT";

/// Longest file that is read.
const LONGEST_FILE: u64 = 1 << 20;

/// Fields whose variables are not `DATABRICKS_` and their own name in upper case, or are several.
const VARIABLES: [(&str, &[&str]); 9] = [
    ("audience", &["DATABRICKS_TOKEN_AUDIENCE"]),
    ("azure_use_msi", &["ARM_USE_MSI"]),
    ("databricks_cli_path", &["DATABRICKS_CLI_PATH"]),
    (
        "oidc_token_filepath",
        &[
            "DATABRICKS_OIDC_TOKEN_FILEPATH",
            "DATABRICKS_OIDC_TOKEN_FILE",
        ],
    ),
    ("host", &["DATABRICKS_HOST", "DATABRICKS_SERVER_HOSTNAME"]),
    ("azure_client_id", &["ARM_CLIENT_ID"]),
    ("azure_client_secret", &["ARM_CLIENT_SECRET"]),
    ("azure_tenant_id", &["ARM_TENANT_ID"]),
    (
        "azure_workspace_resource_id",
        &["DATABRICKS_AZURE_RESOURCE_ID"],
    ),
];

/// Fields about signing in, and the host that they are for.
const SIGN_IN: [&str; 14] = [
    "audience",
    "auth_type",
    "azure_client_id",
    "azure_client_secret",
    "azure_tenant_id",
    "azure_use_msi",
    "azure_workspace_resource_id",
    "client_id",
    "client_secret",
    "databricks_cli_path",
    "host",
    "oidc_token_env",
    "oidc_token_filepath",
    "token",
];

/// What names the profile, as far as the caller says.
#[derive(Debug, Default)]
pub struct ProfileChoice<'a> {
    /// The profile's name.
    pub profile: Option<&'a str>,
    /// The file that profiles are in.
    pub config_file: Option<&'a Path>,
    /// The host of the workspace.
    pub host: Option<&'a str>,
    /// Whether the caller brings credentials of their own.
    pub has_credentials: bool,
}

/// What the environment and the profile say, by the names of the fields in the file.
pub struct Unified {
    variable: fn(&str) -> Option<String>,
    profile: Option<Profile>,
}

/// One section of the file.
struct Profile {
    file: PathBuf,
    name: String,
    fields: BTreeMap<String, String>,
}

impl fmt::Debug for Unified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let profile = self.profile.as_ref().map(|profile| &profile.name);
        f.debug_struct("Unified")
            .field("profile", &profile)
            .finish_non_exhaustive()
    }
}

impl Unified {
    /// Reads the file, if a profile is named or nothing else says where to go.
    ///
    /// # Errors
    /// `InvalidArgument` when a named profile is not there, when the file cannot be understood, or when the
    /// profile is for another host than the one that is asked for: its credentials must not go there.
    pub fn load(choice: &ProfileChoice<'_>) -> Result<Self> {
        Self::load_from(choice, |name| {
            std::env::var(name).ok().filter(|value| !value.is_empty())
        })
    }

    fn load_from(choice: &ProfileChoice<'_>, variable: fn(&str) -> Option<String>) -> Result<Self> {
        let mut unified = Self {
            variable,
            profile: None,
        };
        let named = choice
            .profile
            .map(str::to_owned)
            .or_else(|| variable("DATABRICKS_CONFIG_PROFILE"));
        let host = choice
            .host
            .map(str::to_owned)
            .or_else(|| unified.get("host"));
        if named.is_none() && (host.is_some() || choice.has_credentials) {
            return Ok(unified);
        }
        let Some(file) = config_file(choice, variable) else {
            return Ok(unified);
        };
        let profile = Profile::read(&file, named.as_deref())?;
        if let Some(profile) = &profile {
            profile.check_host(host.as_deref())?;
        }
        unified.profile = profile;
        Ok(unified)
    }

    /// What is known of a field, such as `host`, `token` or `warehouse_id`.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<String> {
        self.in_environment(field)
            .or_else(|| self.in_profile(field))
    }

    /// What the environment says about signing in, and what the profile does.
    #[must_use]
    pub fn sign_in(&self) -> (Settings, Settings) {
        let (mut environment, mut profile) = (Settings::default(), Settings::default());
        for field in SIGN_IN {
            environment.set(field, self.in_environment(field).unwrap_or_default());
            profile.set(field, self.in_profile(field).unwrap_or_default());
        }
        if let Some(chosen) = &self.profile {
            profile.set("profile", chosen.name.clone());
        }
        (environment, profile)
    }

    fn in_environment(&self, field: &str) -> Option<String> {
        let usual = format!("DATABRICKS_{}", field.to_ascii_uppercase());
        let variables = VARIABLES.iter().find(|(name, _)| *name == field);
        match variables {
            Some((_, names)) => names.iter().find_map(|name| (self.variable)(name)),
            None => (self.variable)(&usual),
        }
    }

    fn in_profile(&self, field: &str) -> Option<String> {
        self.profile.as_ref()?.fields.get(field).cloned()
    }
}

fn config_file(
    choice: &ProfileChoice<'_>,
    variable: fn(&str) -> Option<String>,
) -> Option<PathBuf> {
    let given = choice.config_file.map(Path::to_owned);
    let given = given.or_else(|| variable("DATABRICKS_CONFIG_FILE").map(PathBuf::from));
    match given {
        Some(file) => match (file.strip_prefix("~"), std::env::home_dir()) {
            (Ok(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(file),
        },
        None => std::env::home_dir().map(|home| home.join(".databrickscfg")),
    }
}

impl Profile {
    /// The named profile, or that of those who name none, if there is one.
    fn read(file: &Path, named: Option<&str>) -> Result<Option<Self>> {
        let refused = |why: String| Error::invalid_argument(format!("{} {why}", file.display()));
        let size = match std::fs::metadata(file) {
            Ok(metadata) => metadata.len(),
            Err(why) => {
                return match named {
                    Some(name) => Err(refused(format!(
                        "cannot be read, so there is no profile {}: {why}",
                        quoted(name)
                    ))),
                    None => Ok(None),
                };
            }
        };
        if size > LONGEST_FILE {
            return Err(refused(format!(
                "is no file of profiles: it has {size} bytes"
            )));
        }
        let text = std::fs::read_to_string(file)
            .map_err(|why| refused(format!("cannot be read: {why}")))?;
        let mut profiles = parse(&text).map_err(|line| {
            refused(format!(
                "is not understood in line {line}: neither [profile] nor key = value"
            ))
        })?;
        let name = named.unwrap_or(DEFAULT);
        match profiles.remove(name) {
            Some(fields) => Ok(Some(Self {
                file: file.to_owned(),
                name: name.to_owned(),
                fields,
            })),
            None if named.is_none() => Ok(None),
            None => {
                let there: Vec<_> = profiles.into_keys().collect();
                Err(refused(format!(
                    "has no profile {}; it has: {}",
                    quoted(name),
                    there.join(", ")
                )))
            }
        }
    }

    fn check_host(&self, asked: Option<&str>) -> Result<()> {
        match (asked, self.fields.get("host")) {
            (Some(asked), Some(own)) if bare(asked) != bare(own) => {
                Err(Error::invalid_argument(format!(
                    "profile {} of {} is for {}, but the host that is asked for is {}; name one of the two",
                    quoted(&self.name),
                    self.file.display(),
                    quoted_address(own),
                    quoted_address(asked),
                )))
            }
            _ => Ok(()),
        }
    }
}

/// A host without scheme, credentials and path, to be compared.
fn bare(host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let host = host
        .split_once("://")
        .map_or(host.as_str(), |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default().to_owned()
}

/// Profiles by name, or the number of the line that is neither. Those without a heading belong to no profile, and
/// `DEFAULT` is one as all others: nothing is inherited from it.
fn parse(text: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, usize> {
    let mut profiles: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut current = None;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1_usize..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            let name = heading.strip_suffix(']').ok_or(number)?.trim();
            current = Some(name.to_owned());
            profiles.entry(name.to_owned()).or_default();
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).ok_or(number)?;
        let fields = current.as_ref().and_then(|name| profiles.get_mut(name));
        let value = unquoted(value.trim());
        if !value.is_empty() {
            fields
                .ok_or(number)?
                .insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    Ok(profiles)
}

fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\u{feff}# a comment\n; another\n[DEFAULT]\nhost = https://default.example.com/\n\
        token=dapi-default\nwarehouse_id = \"d1\"\n\n[ other ]\nHost: other.example.com\ntoken = a=b#c\nempty =\n";

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn somewhere(name: &str) -> Option<String> {
        match name {
            "DATABRICKS_SERVER_HOSTNAME" => Some("env.example.com".to_owned()),
            "DATABRICKS_TOKEN" => Some("dapi-env".to_owned()),
            "ARM_TENANT_ID" => Some("tenant".to_owned()),
            _ => None,
        }
    }

    fn named(name: &str) -> Option<String> {
        (name == "DATABRICKS_CONFIG_PROFILE").then(|| "other".to_owned())
    }

    struct Config(PathBuf);

    impl Config {
        fn new(test: &str, content: &str) -> Self {
            let name = format!("databrickscfg-{}-{test}", std::process::id());
            let file = std::env::temp_dir().join(name);
            std::fs::write(&file, content).expect("a file can be written");
            Self(file)
        }

        fn choice(&self) -> ProfileChoice<'_> {
            ProfileChoice {
                config_file: Some(&self.0),
                ..ProfileChoice::default()
            }
        }
    }

    impl Drop for Config {
        fn drop(&mut self) {
            drop(std::fs::remove_file(&self.0));
        }
    }

    #[test]
    fn profiles_are_read_and_inherit_nothing() {
        let profiles = parse(FILE).expect("it is understood");
        let names: Vec<_> = profiles.keys().map(String::as_str).collect();
        assert_eq!(names, ["DEFAULT", "other"]);
        assert_eq!(profiles["DEFAULT"]["warehouse_id"], "d1");
        assert_eq!(profiles["other"]["host"], "other.example.com");
        assert_eq!(profiles["other"]["token"], "a=b#c");
        assert_eq!(profiles["other"].len(), 2);
    }

    #[test]
    fn what_is_no_profile_is_told_by_its_line() {
        for (text, line) in [("[a]\nx", 2), ("a = b", 1), ("\n[a\n", 2)] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }

    #[test]
    fn the_default_profile_is_for_those_who_say_nothing() {
        let config = Config::new("default", FILE);
        let unified = Unified::load_from(&config.choice(), nothing).expect("it is there");
        assert_eq!(unified.get("token").as_deref(), Some("dapi-default"));
        for choice in [
            ProfileChoice {
                host: Some("h.example.com"),
                ..config.choice()
            },
            ProfileChoice {
                has_credentials: true,
                ..config.choice()
            },
        ] {
            let unified = Unified::load_from(&choice, nothing).expect("nothing is read");
            assert_eq!(unified.get("token"), None);
        }
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let config = Config::new("environment", FILE);
        let unified = Unified::load_from(&config.choice(), somewhere).expect("nothing is read");
        assert_eq!(unified.get("host").as_deref(), Some("env.example.com"));
        assert_eq!(unified.get("token").as_deref(), Some("dapi-env"));
        assert_eq!(unified.get("azure_tenant_id").as_deref(), Some("tenant"));
        assert_eq!(unified.get("warehouse_id"), None);
    }

    #[test]
    fn the_environment_names_a_profile() {
        let config = Config::new("named", FILE);
        let unified = Unified::load_from(&config.choice(), named).expect("it is there");
        assert_eq!(unified.get("host").as_deref(), Some("other.example.com"));
    }

    #[test]
    fn a_named_profile_must_be_there() {
        let config = Config::new("missing", FILE);
        let choice = ProfileChoice {
            profile: Some("nobody"),
            ..config.choice()
        };
        let error = Unified::load_from(&choice, nothing).unwrap_err();
        assert!(
            error
                .message()
                .contains("no profile 'nobody'; it has: DEFAULT, other"),
            "{error}"
        );
        let missing = Path::new("/no/such/file");
        let nowhere = ProfileChoice {
            config_file: Some(missing),
            ..ProfileChoice::default()
        };
        assert!(Unified::load_from(&nowhere, nothing).is_ok());
        let choice = ProfileChoice {
            profile: Some("other"),
            ..nowhere
        };
        let error = Unified::load_from(&choice, nothing).unwrap_err();
        assert!(error.message().contains("/no/such/file"), "{error}");
    }

    #[test]
    fn a_profile_is_not_taken_to_another_host() {
        let config = Config::new("host", FILE);
        let choice = |host| ProfileChoice {
            profile: Some("other"),
            host,
            ..config.choice()
        };
        for host in ["other.example.com", "HTTPS://Other.example.com/"] {
            assert!(Unified::load_from(&choice(Some(host)), nothing).is_ok());
        }
        let error = Unified::load_from(&choice(Some("h.example.com")), nothing).unwrap_err();
        assert!(error.message().contains("h.example.com"), "{error}");
        assert!(!error.message().contains("a=b#c"), "{error}");
        let error = Unified::load_from(&choice(None), somewhere);
        assert!(error.is_err());
    }

    #[test]
    fn values_do_not_show_in_debug_output() {
        let config = Config::new("debug", FILE);
        let unified = Unified::load_from(&config.choice(), nothing).expect("it is there");
        assert!(!format!("{unified:?}").contains("dapi"));
    }
}
