//! Which way to sign in: the one that was asked for, or the first for which all that it needs is there,
//! in the order of Databricks unified authentication.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::azure::{AzureCli, ManagedIdentity, ServicePrincipal};
use super::oauth::{
    Algorithm, Assertion, AuthorizationCode, Browser, ClientCredentials, Proof, TokenCache,
    TokenStore,
};
use super::settings::{Settings, Variables};
use super::{
    CachedToken, DatabricksCli, Dialect, Federated, Fingerprint, Grant, IdToken, IdentityClient,
    PersonalAccessToken, TokenSource, Workload, shared,
};
use crate::client::redact::{quoted, quoted_address};
use crate::client::{Error, Result};

/// The ways, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Method {
    Pat,
    OauthM2m,
    OauthM2mJwt,
    EnvOidc,
    FileOidc,
    GithubOidc,
    AzureClientSecret,
    AzureMsi,
    AzureCli,
    Browser,
    DatabricksCli,
}

const ORDER: [Method; 11] = [
    Method::Pat,
    Method::OauthM2m,
    Method::OauthM2mJwt,
    Method::EnvOidc,
    Method::FileOidc,
    Method::GithubOidc,
    Method::AzureClientSecret,
    Method::AzureMsi,
    Method::AzureCli,
    Method::Browser,
    Method::DatabricksCli,
];

impl Method {
    /// The names that ask for it: first our own, which is that of the field, then those of other programs.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Pat => &["pat", "access-token"],
            Self::OauthM2m => &["oauth-m2m"],
            Self::OauthM2mJwt => &["oauth-m2m-jwt"],
            Self::EnvOidc => &["env-oidc"],
            Self::FileOidc => &["file-oidc"],
            Self::GithubOidc => &["github-oidc"],
            Self::AzureClientSecret => &["azure-client-secret", "azure-sp-m2m"],
            Self::AzureMsi => &["azure-msi"],
            Self::AzureCli => &["azure-cli"],
            Self::Browser => &[
                "databricks-oauth",
                "oauth-u2m",
                "azure-oauth",
                "external-browser",
            ],
            Self::DatabricksCli => &["databricks-cli"],
        }
    }

    fn named(name: &str) -> Result<Self> {
        let found = ORDER.into_iter().find(|way| way.names().contains(&name));
        found.ok_or_else(|| {
            let known: Vec<_> = ORDER.iter().flat_map(|way| way.names()).copied().collect();
            Error::invalid_argument(format!(
                "auth_type {} is not known; it must be one of {}",
                quoted(name),
                known.join(", ")
            ))
        })
    }

    /// What it needs: names of settings, and how each is given.
    fn needs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Pat => &[("token", "access_token or DATABRICKS_TOKEN")],
            Self::OauthM2m => &[
                ("client_id", "oauth_client_id or DATABRICKS_CLIENT_ID"),
                (
                    "client_secret",
                    "oauth_client_secret or DATABRICKS_CLIENT_SECRET",
                ),
            ],
            Self::OauthM2mJwt => &[
                ("client_id", "oauth_client_id or DATABRICKS_CLIENT_ID"),
                ("jwt_key_file", "oauth_jwt_key_file"),
                ("jwt_kid", "oauth_jwt_kid"),
            ],
            Self::FileOidc => &[("oidc_token_filepath", "DATABRICKS_OIDC_TOKEN_FILEPATH")],
            Self::AzureClientSecret => &[
                ("azure_client_id", "azure_client_id or ARM_CLIENT_ID"),
                (
                    "azure_client_secret",
                    "azure_client_secret or ARM_CLIENT_SECRET",
                ),
            ],
            _ => &[],
        }
    }

    /// Whether settings and environment say for good who signs in, and no program or file that changes.
    fn is_settled(self) -> bool {
        !matches!(
            self,
            Self::EnvOidc | Self::FileOidc | Self::AzureCli | Self::DatabricksCli
        )
    }

    fn has_all(self, settings: &Settings, outside: &Outside<'_>) -> bool {
        let has_needs = self
            .needs()
            .iter()
            .all(|(name, _)| settings.get(name).is_some());
        let variable = |name| (outside.variables)(name).is_some_and(|value| !value.is_empty());
        has_needs
            && match self {
                Self::EnvOidc => variable(oidc_variable(settings)),
                Self::GithubOidc => variable(GITHUB_URL) && variable(GITHUB_BEARER),
                Self::AzureMsi => settings.get("azure_use_msi").is_some_and(is_true),
                Self::AzureCli => outside.is_azure && outside.finds("az"),
                Self::Browser => false,
                Self::DatabricksCli => {
                    let program = settings.get("databricks_cli_path");
                    outside.finds(program.unwrap_or("databricks"))
                }
                _ => true,
            }
    }
}

const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_BEARER: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

fn oidc_variable(settings: &Settings) -> &str {
    settings
        .get("oidc_token_env")
        .unwrap_or("DATABRICKS_OIDC_TOKEN")
}

fn is_true(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "1" | "t" | "yes"
    )
}

/// What lies outside of the settings.
struct Outside<'a> {
    variables: Variables<'a>,
    is_azure: bool,
}

impl Outside<'_> {
    /// Whether there is a program of this name, or at this path.
    fn finds(&self, program: &str) -> bool {
        if program.contains(['/', '\\']) {
            return std::path::Path::new(program).is_file();
        }
        let path = (self.variables)("PATH").unwrap_or_default();
        let names = if cfg!(windows) {
            vec![format!("{program}.exe"), format!("{program}.cmd")]
        } else {
            vec![program.to_owned()]
        };
        std::env::split_paths(&path)
            .any(|directory| names.iter().any(|name| directory.join(name).is_file()))
    }
}

/// How a sign-in with the browser goes, where it comes to one.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// The way to the user.
    pub browser: Arc<dyn Browser>,
    /// Whether somebody is there to sign in although nobody asked for it.
    pub terminal: bool,
    /// How long the user may take.
    pub patience: Option<Duration>,
    /// Ports for the browser to come back to.
    pub ports: Option<Vec<u16>>,
    /// Where to stay signed in beyond the end of the process.
    pub cache: Option<TokenCache>,
    /// Somebody else's way to do that.
    pub store: Option<Arc<dyn TokenStore>>,
}

/// All that is known about signing in.
#[derive(Debug)]
pub struct SignIn {
    /// What the program says.
    pub given: Settings,
    /// What the environment says.
    pub environment: Settings,
    /// What the profile says.
    pub profile: Settings,
    /// Scopes other than the usual ones.
    pub scopes: Option<Vec<String>>,
    /// With a browser.
    pub interaction: Interaction,
}

impl SignIn {
    /// The source of tokens that all this comes to. Nothing is sent before a token is needed.
    ///
    /// # Errors
    /// `InvalidArgument` for what cannot work, and where nothing was said.
    pub fn source(
        self,
        identity: IdentityClient,
        variables: Variables<'_>,
    ) -> Result<Arc<dyn TokenSource>> {
        let authority = identity.workspace().authority();
        let host = identity.workspace().host();
        let outside = Outside {
            variables,
            is_azure: [
                ".azuredatabricks.net",
                ".databricks.azure.us",
                ".databricks.azure.cn",
            ]
            .iter()
            .any(|end| host.ends_with(end)),
        };
        let (method, settings) = self.method(&outside, &authority)?;
        for (name, sources) in method.needs() {
            if settings.get(name).is_none() {
                let asked = settings.get("auth_type").unwrap_or(method.names()[0]);
                return Err(Error::invalid_argument(format!(
                    "auth_type '{asked}' needs {sources}"
                )));
            }
        }
        if !method.is_settled() || self.interaction.store.is_some() {
            return self.made(method, &settings, identity, &outside);
        }
        let key = settings.get("jwt_key_file").map(std::fs::read);
        let made_of = (
            ("by options, environment and profile", method, &settings),
            key.and_then(std::result::Result::ok),
            (
                &self.scopes,
                self.interaction.patience,
                &self.interaction.ports,
            ),
            &self.interaction.cache,
            &identity,
        );
        let fingerprinted = Fingerprint::of(&made_of);
        shared(fingerprinted, || {
            self.made(method, &settings, identity, &outside)
        })
    }

    /// The way, and the settings that it is to be made of. A whole set of options is not mixed with what the
    /// environment says, nor that with the profile.
    fn method(&self, outside: &Outside<'_>, authority: &str) -> Result<(Method, Settings)> {
        let environment = self
            .given
            .clone()
            .or(self.environment.clone().meant_for(authority));
        let all = environment.clone().or(self.profile.clone());
        let layers = [self.given.clone(), environment, all.clone()];
        if let Some(asked) = all.get("auth_type") {
            let mut method = Method::named(asked)?;
            // The official connector calls both so, and tells them apart by the secret.
            if method == Method::Browser && self.given.get("client_secret").is_some() {
                method = Method::OauthM2m;
            }
            let mut layers = layers.into_iter();
            let settings = layers.find(|layer| method.has_all(layer, outside));
            return Ok((method, settings.unwrap_or(all)));
        }
        for settings in layers {
            let found = ORDER.into_iter().find(|method| {
                // What needs no setting is looked for when all settings have been.
                !method.needs().is_empty() && method.has_all(&settings, outside)
            });
            if let Some(method) = found {
                return Ok((method, settings));
            }
        }
        let found = ORDER.into_iter().find(|way| way.has_all(&all, outside));
        match found {
            Some(method) => Ok((method, all)),
            None if self.interaction.terminal => Ok((Method::Browser, all)),
            None => Err(Error::invalid_argument(
                "no credentials were found: pass access_token, or oauth_client_id with \
                 oauth_client_secret, or auth_type='databricks-oauth' to sign in with a browser; \
                 or set DATABRICKS_TOKEN, or name a profile of ~/.databrickscfg",
            )),
        }
    }

    fn made(
        self,
        method: Method,
        settings: &Settings,
        identity: IdentityClient,
        outside: &Outside<'_>,
    ) -> Result<Arc<dyn TokenSource>> {
        let resource = || settings.owned("azure_workspace_resource_id");
        let tenant = || settings.owned("azure_tenant_id");
        let client_id = || settings.owned("client_id");
        let variable = |name| (outside.variables)(name).unwrap_or_default();
        let workload = |token| Workload::new(token, client_id());
        let grant: Box<dyn Grant> = match method {
            Method::Pat => {
                let token = settings.secret("token").unwrap_or_default();
                let token = PersonalAccessToken::try_new(token)?;
                if !token.is_jwt() {
                    return Ok(Arc::new(token));
                }
                Box::new(token)
            }
            Method::OauthM2m => {
                let secret = settings.secret("client_secret").unwrap_or_default();
                Box::new(self.client_credentials(settings, Proof::Secret(secret))?)
            }
            Method::OauthM2mJwt => {
                let assertion = assertion(settings)?;
                Box::new(self.client_credentials(settings, Proof::Assertion(assertion))?)
            }
            Method::EnvOidc => {
                Box::new(workload(IdToken::Variable(oidc_variable(settings).into())))
            }
            Method::FileOidc => {
                let path = settings.owned("oidc_token_filepath").unwrap_or_default();
                Box::new(workload(IdToken::File(PathBuf::from(path))))
            }
            Method::GithubOidc => Box::new(workload(IdToken::GitHub {
                url: variable(GITHUB_URL),
                bearer: variable(GITHUB_BEARER).into(),
                audience: settings.owned("audience"),
            })),
            Method::AzureClientSecret => {
                let secret = settings.secret("azure_client_secret").unwrap_or_default();
                let id = settings.owned("azure_client_id").unwrap_or_default();
                let login = login(&variable("AZURE_AUTHORITY_HOST"))?;
                let principal = ServicePrincipal::try_new(id, secret)?
                    .with_tenant_id(tenant())
                    .with_workspace_resource_id(resource())
                    .with_login(login);
                Box::new(principal)
            }
            Method::AzureMsi => {
                let identity = ManagedIdentity::new(settings.owned("azure_client_id"))
                    .with_workspace_resource_id(resource());
                let endpoint = variable("IDENTITY_ENDPOINT");
                Box::new(if endpoint.is_empty() {
                    identity
                } else {
                    identity.with_endpoint(&endpoint, variable("IDENTITY_HEADER"))?
                })
            }
            Method::AzureCli => {
                Box::new(AzureCli::new(tenant()).with_workspace_resource_id(resource()))
            }
            Method::Browser => Box::new(self.authorization_code(settings)),
            Method::DatabricksCli => Box::new(DatabricksCli::new(
                settings.owned("databricks_cli_path"),
                settings.owned("profile"),
            )),
        };
        let principal = settings.owned("identity_federation_client_id");
        let federated = Federated::new(grant, Dialect::TokenExchange, principal);
        Ok(Arc::new(CachedToken::new(federated, identity)))
    }

    fn client_credentials(&self, settings: &Settings, proof: Proof) -> Result<ClientCredentials> {
        let id = settings.owned("client_id").unwrap_or_default();
        let mut grant = ClientCredentials::try_new(id, proof)?;
        if let Some(scopes) = &self.scopes {
            grant = grant.with_scopes(scopes);
        }
        match settings.get("token_url") {
            Some(url) => grant.with_token_url(url),
            None => Ok(grant),
        }
    }

    fn authorization_code(self, settings: &Settings) -> AuthorizationCode {
        let mut grant = AuthorizationCode::new().with_browser(self.interaction.browser);
        // An id without a secret belongs to the user's own application.
        if let Some(id) = settings.owned("client_id") {
            grant = grant.with_client_id(id);
        }
        if let Some(scopes) = &self.scopes {
            grant = grant.with_scopes(scopes);
        }
        if let Some(ports) = self.interaction.ports {
            grant = grant.with_ports(ports);
        }
        if let Some(patience) = self.interaction.patience {
            grant = grant.with_patience(patience);
        }
        if let Some(store) = self.interaction.store {
            return grant.with_store(store);
        }
        match self.interaction.cache {
            Some(cache) => grant.with_cache(cache),
            None => grant,
        }
    }
}

impl Grant for Box<dyn Grant> {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> super::TokenFuture<'a> {
        (**self).request(identity)
    }
}

fn assertion(settings: &Settings) -> Result<Assertion> {
    let path = settings.get("jwt_key_file").unwrap_or_default();
    let pem = std::fs::read(path).map_err(|why| {
        let path = quoted(path);
        Error::invalid_argument(format!("oauth_jwt_key_file {path} cannot be read: {why}"))
    })?;
    let algorithm = match settings.get("jwt_algorithm") {
        Some(name) => name.parse()?,
        None => Algorithm::default(),
    };
    let passphrase: Option<SecretString> = settings.secret("jwt_passphrase");
    let kid = settings.owned("jwt_kid").unwrap_or_default();
    Assertion::try_new(&pem, passphrase.as_ref(), kid, algorithm)
}

fn login(authority: &str) -> Result<Option<Url>> {
    if authority.is_empty() {
        return Ok(None);
    }
    let absolute = if authority.contains("://") {
        authority.to_owned()
    } else {
        format!("https://{authority}")
    };
    Url::parse(&absolute).map(Some).map_err(|why| {
        Error::invalid_argument(format!(
            "AZURE_AUTHORITY_HOST {} is no host or URL: {why}",
            quoted_address(authority)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ErrorCode;
    use crate::client::auth::oauth::SystemBrowser;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in pairs {
            settings.set(name, (*value).to_owned());
        }
        settings
    }

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    fn sign_in(given: Pairs<'_>, environment: Pairs<'_>, profile: Pairs<'_>) -> SignIn {
        SignIn {
            given: settings(given),
            environment: settings(environment),
            profile: settings(profile),
            scopes: None,
            interaction: Interaction {
                browser: Arc::new(SystemBrowser),
                terminal: false,
                patience: None,
                ports: None,
                cache: None,
                store: None,
            },
        }
    }

    fn chosen(sign_in: &SignIn, variables: Pairs<'_>) -> Result<(Method, Settings)> {
        let variables = |name: &str| {
            let mut found = variables.iter().filter(|(own, _)| *own == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        let outside = Outside {
            variables: &variables,
            is_azure: false,
        };
        sign_in.method(&outside, "h.example.com")
    }

    fn method(sign_in: &SignIn, variables: Pairs<'_>) -> Method {
        chosen(sign_in, variables).unwrap().0
    }

    const SECRET: [(&str, &str); 2] = [("client_id", "c"), ("client_secret", "s")];

    #[test]
    fn the_first_whole_way_in_the_documented_order_is_taken() {
        let all = [&SECRET[..], &[("token", "t")]].concat();
        assert_eq!(method(&sign_in(&[], &all, &[]), &[]), Method::Pat);
        assert_eq!(method(&sign_in(&[], &SECRET, &[]), &[]), Method::OauthM2m);
        let file = [("oidc_token_filepath", "f"), ("azure_client_id", "a")];
        assert_eq!(method(&sign_in(&[], &file, &[]), &[]), Method::FileOidc);
        let variable = [("DATABRICKS_OIDC_TOKEN", "t")];
        assert_eq!(method(&sign_in(&[], &[], &[]), &variable), Method::EnvOidc);
        let msi = [("azure_use_msi", "true")];
        assert_eq!(method(&sign_in(&[], &msi, &[]), &[]), Method::AzureMsi);
    }

    #[test]
    fn options_win_over_the_environment_and_that_over_the_profile() {
        let token = [("token", "t")];
        assert_eq!(
            method(&sign_in(&SECRET, &token, &token), &[]),
            Method::OauthM2m
        );
        assert_eq!(
            method(&sign_in(&[], &SECRET, &token), &[]),
            Method::OauthM2m
        );
        assert_eq!(method(&sign_in(&[], &[], &token), &[]), Method::Pat);
        let halves = sign_in(&SECRET[..1], &SECRET[1..], &token);
        assert_eq!(method(&halves, &[]), Method::OauthM2m);
    }

    #[test]
    fn credentials_of_the_environment_are_for_its_own_host() {
        for (host, good) in [
            ("https://h.example.com", true),
            ("other.example.com", false),
        ] {
            let environment = [("host", host), ("token", "t")];
            let chosen = chosen(&sign_in(&[], &environment, &[]), &[]);
            assert_eq!(chosen.is_ok(), good, "{host}");
        }
    }

    #[test]
    fn a_way_that_was_asked_for_is_taken_and_says_what_it_lacks() {
        let asked = |name| sign_in(&[("auth_type", name)], &[("token", "t")], &[]);
        for way in ORDER {
            for name in way.names() {
                assert_eq!(method(&asked(name), &[]), way, "{name}");
            }
        }
        let both = [&SECRET[..], &[("auth_type", "databricks-oauth")]].concat();
        assert_eq!(method(&sign_in(&both, &[], &[]), &[]), Method::OauthM2m);
        let error = chosen(&asked("kerberos"), &[]).unwrap_err();
        assert!(error.message().contains("'kerberos'"), "{error}");
    }

    #[test]
    fn a_browser_opens_only_if_asked_for_or_somebody_is_there() {
        let mut nothing = sign_in(&[], &[], &[]);
        let error = chosen(&nothing, &[]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.message().contains("access_token"), "{error}");
        nothing.interaction.terminal = true;
        assert_eq!(method(&nothing, &[]), Method::Browser);
    }
}
