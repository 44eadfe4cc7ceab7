//! A service principal of Entra ID, with its client secret.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Cloud, for_resource};
use crate::client::auth::identity::{Asking, TokenDocument};
use crate::client::auth::{Grant, IdentityClient, Token, TokenFuture};
use crate::client::{Error, ErrorCode, Result};

const WHAT: &str = "signing in to Entra ID as a service principal failed";

/// The hosts at which Entra ID signs people in.
const LOGIN_HOSTS: [&str; 5] = [
    "login.chinacloudapi.cn",
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.windows.net",
];

/// The grant `client_credentials` of Entra ID.
#[derive(Debug)]
pub struct ServicePrincipal {
    client_id: String,
    client_secret: SecretString,
    tenant_id: Option<String>,
    resource_id: Option<String>,
    login: Option<Url>,
}

impl ServicePrincipal {
    /// In the tenant that the workspace names.
    pub fn try_new(client_id: impl Into<String>, client_secret: SecretString) -> Result<Self> {
        let client_id = client_id.into();
        let missing = |name: &str| Err(Error::invalid_argument(format!("{name} is empty")));
        if client_id.is_empty() {
            return missing("azure_client_id");
        }
        if client_secret.expose_secret().is_empty() {
            return missing("azure_client_secret");
        }
        Ok(Self {
            client_id,
            client_secret,
            tenant_id: None,
            resource_id: None,
            login: None,
        })
    }

    /// In this tenant.
    #[must_use]
    pub fn with_tenant_id(mut self, tenant_id: Option<String>) -> Self {
        self.tenant_id = tenant_id;
        self
    }

    /// With a role on the workspace's resource in Azure, of which it may be no user.
    #[must_use]
    pub fn with_workspace_resource_id(mut self, resource_id: Option<String>) -> Self {
        self.resource_id = resource_id;
        self
    }

    /// At another address than the one of the workspace's cloud.
    #[must_use]
    pub fn with_login(mut self, login: Option<Url>) -> Self {
        self.login = login;
        self
    }

    async fn obtain(&self, identity: &IdentityClient) -> Result<Token> {
        let tenant = match &self.tenant_id {
            Some(tenant) => tenant.clone(),
            None => tenant_of(identity).await?,
        };
        let cloud = Cloud::of(identity.workspace().host());
        let url = |path: &[&str]| self.url(cloud, &tenant, path);
        let scope = format!("{}/.default", cloud.application);
        let form = [("grant_type", "client_credentials"), ("scope", &scope)];
        let mut asking = Asking::post(WHAT, url(&["oauth2", "v2.0", "token"])?, &form);
        asking.basic = Some((&self.client_id, &self.client_secret));
        let token = identity.ask::<TokenDocument>(&asking).await?.token()?;
        let Some(resource_id) = &self.resource_id else {
            return Ok(token);
        };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose_secret()),
            ("resource", cloud.management),
        ];
        let asking = Asking::post(WHAT, url(&["oauth2", "token"])?, &form);
        let management = identity.ask::<TokenDocument>(&asking).await?.token()?;
        for_resource(token, &management, resource_id)
    }

    fn url(&self, cloud: Cloud, tenant: &str, path: &[&str]) -> Result<Url> {
        let odd = || Error::new(ErrorCode::Internal, "Entra ID has no usable address");
        let mut url = match &self.login {
            Some(login) => login.clone(),
            None => Url::parse(cloud.login).map_err(|_| odd())?,
        };
        url.path_segments_mut()
            .map_err(|()| odd())?
            .pop_if_empty()
            .push(tenant)
            .extend(path);
        Ok(url)
    }
}

impl Grant for ServicePrincipal {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(self.obtain(identity))
    }
}

/// The tenant to whose login page the workspace redirects.
async fn tenant_of(identity: &IdentityClient) -> Result<String> {
    let asking = Asking::get(
        "the workspace's tenant cannot be found; pass azure_tenant_id",
        identity.workspace().url(&["aad", "auth"]),
    );
    let page = identity.redirect(&asking).await?;
    page.as_ref().and_then(tenant_in).ok_or_else(|| {
        Error::new(
            ErrorCode::Unauthenticated,
            format!(
                "{} does not name the tenant that it belongs to; pass azure_tenant_id",
                identity.workspace().authority()
            ),
        )
    })
}

fn tenant_in(page: &Url) -> Option<String> {
    let host = page.host_str()?;
    let tenant = page.path_segments()?.next()?;
    (LOGIN_HOSTS.contains(&host) && !tenant.is_empty()).then(|| tenant.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_taken_from_login_pages_of_entra_id_only() {
        let cases = [
            (
                "https://login.microsoftonline.com/t-1/oauth2/authorize?x=1",
                Some("t-1"),
            ),
            ("https://login.microsoftonline.us/t-1", Some("t-1")),
            ("https://login.microsoftonline.com/", None),
            ("https://login.microsoftonline.com.evil.net/t-1", None),
            ("https://h.azuredatabricks.net/t-1", None),
        ];
        for (page, tenant) in cases {
            assert_eq!(
                tenant_in(&Url::parse(page).unwrap()).as_deref(),
                tenant,
                "{page}"
            );
        }
    }
}
