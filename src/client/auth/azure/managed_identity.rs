//! The identity that Azure gives to its own machines and applications.

use url::Url;

use super::{Cloud, for_resource};
use crate::client::auth::identity::{Asking, TokenDocument};
use crate::client::auth::{Grant, IdentityClient, Token, TokenFuture};
use crate::client::{Error, Result};

const MACHINES: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Asks the machine's metadata service, or that of App Service and its kin.
#[derive(Debug, Default)]
pub struct ManagedIdentity {
    client_id: Option<String>,
    resource_id: Option<String>,
    application: Option<(Url, String)>,
}

impl ManagedIdentity {
    /// The identity of the machine, or the one of `client_id` where it has many.
    #[must_use]
    pub fn new(client_id: Option<String>) -> Self {
        Self {
            client_id,
            ..Self::default()
        }
    }

    /// With a role on the workspace's resource in Azure, of which it may be no user.
    #[must_use]
    pub fn with_workspace_resource_id(mut self, resource_id: Option<String>) -> Self {
        self.resource_id = resource_id;
        self
    }

    /// At the endpoint that an application is told in `IDENTITY_ENDPOINT`, with its `IDENTITY_HEADER`.
    pub fn with_endpoint(mut self, endpoint: &str, header: impl Into<String>) -> Result<Self> {
        let url = Url::parse(endpoint).map_err(|why| {
            Error::invalid_argument(format!("IDENTITY_ENDPOINT '{endpoint}' is no URL: {why}"))
        })?;
        self.application = Some((url, header.into()));
        Ok(self)
    }

    async fn obtain(&self, identity: &IdentityClient) -> Result<Token> {
        let cloud = Cloud::of(identity.workspace().host());
        let token = self.token_for(identity, cloud.application).await?;
        let Some(resource_id) = &self.resource_id else {
            return Ok(token);
        };
        let management = self.token_for(identity, cloud.management).await?;
        for_resource(token, &management, resource_id)
    }

    async fn token_for(&self, identity: &IdentityClient, resource: &str) -> Result<Token> {
        let (mut url, version, header) = match &self.application {
            Some((url, header)) => (
                url.clone(),
                "2019-08-01",
                ("x-identity-header", header.as_str()),
            ),
            None => (
                Url::parse(MACHINES).map_err(|why| {
                    Error::invalid_argument("no metadata service").with_source(why)
                })?,
                "2018-02-01",
                ("metadata", "true"),
            ),
        };
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource);
        if let Some(client_id) = &self.client_id {
            url.query_pairs_mut().append_pair("client_id", client_id);
        }
        let headers = [header];
        let mut asking = Asking::get("the managed identity gives no token", url);
        asking.headers = &headers;
        identity.ask::<TokenDocument>(&asking).await?.token()
    }
}

impl Grant for ManagedIdentity {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(self.obtain(identity))
    }
}
