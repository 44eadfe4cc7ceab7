//! Whoever is signed in with the Azure CLI.

use serde::Deserialize;

use super::{Cloud, for_resource};
use crate::client::Result;
use crate::client::auth::cli::{Command, life_until};
use crate::client::auth::{Grant, IdentityClient, Token, TokenFuture};

/// Asks `az`.
#[derive(Debug, Default)]
pub struct AzureCli {
    tenant_id: Option<String>,
    resource_id: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// Seconds since 1970; older ones name the local time only.
    expires_on: Option<i64>,
}

impl AzureCli {
    /// In this tenant, or the one that the CLI is signed in to.
    #[must_use]
    pub fn new(tenant_id: Option<String>) -> Self {
        Self {
            tenant_id,
            resource_id: None,
        }
    }

    /// With a role on the workspace's resource in Azure, of which it may be no user.
    #[must_use]
    pub fn with_workspace_resource_id(mut self, resource_id: Option<String>) -> Self {
        self.resource_id = resource_id;
        self
    }

    async fn obtain(&self, identity: &IdentityClient) -> Result<Token> {
        let cloud = Cloud::of(identity.workspace().host());
        let token = self.token_for(cloud.application).await?;
        let Some(resource_id) = &self.resource_id else {
            return Ok(token);
        };
        let management = self.token_for(cloud.management).await?;
        for_resource(token, &management, resource_id)
    }

    async fn token_for(&self, resource: &str) -> Result<Token> {
        let mut command = Command::new("az", "the Azure CLI", "az login");
        command.arguments(["account", "get-access-token", "--output", "json"]);
        command.arguments(["--resource", resource]);
        if let Some(tenant) = &self.tenant_id {
            command.arguments(["--tenant", tenant]);
        }
        let document: Document = command.answer().await?;
        let token = Token::try_new(document.access_token.into())?;
        Ok(match document.expires_on {
            Some(end) => token.living(life_until(end)),
            None => token,
        })
    }
}

impl Grant for AzureCli {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(self.obtain(identity))
    }
}
