//! Entra ID: service principals, managed identities and the Azure CLI, in every cloud of Azure.

mod cli;
mod managed_identity;
mod service_principal;

pub use cli::AzureCli;
pub use managed_identity::ManagedIdentity;
pub use service_principal::ServicePrincipal;

use secrecy::ExposeSecret;

use super::Token;
use crate::client::Result;

/// Where the identity of a cloud is, and what the service is called there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cloud {
    login: &'static str,
    management: &'static str,
    /// The application that stands for the service.
    application: &'static str,
}

const APPLICATION: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

const PUBLIC: Cloud = Cloud {
    login: "https://login.microsoftonline.com",
    management: "https://management.core.windows.net/",
    application: APPLICATION,
};

/// Clouds by the ends of the names of their workspaces.
const CLOUDS: [(&str, Cloud); 4] = [
    (
        ".databricks.azure.us",
        Cloud {
            login: "https://login.microsoftonline.us",
            management: "https://management.core.usgovcloudapi.net/",
            application: APPLICATION,
        },
    ),
    (
        ".databricks.azure.cn",
        Cloud {
            login: "https://login.chinacloudapi.cn",
            management: "https://management.core.chinacloudapi.cn/",
            application: APPLICATION,
        },
    ),
    (
        ".dev.azuredatabricks.net",
        Cloud {
            application: "62a912ac-b58e-4c1d-89ea-b2dbfc7358fc",
            ..PUBLIC
        },
    ),
    (
        ".staging.azuredatabricks.net",
        Cloud {
            application: "4a67d088-db5c-48f1-9ff2-0aace800ae68",
            ..PUBLIC
        },
    ),
];

impl Cloud {
    fn of(host: &str) -> Self {
        let mut clouds = CLOUDS.iter();
        clouds
            .find(|(end, _)| host.ends_with(end))
            .map_or(PUBLIC, |(_, cloud)| *cloud)
    }
}

/// Adds what lets a principal of the resource in that is no user of the workspace.
fn for_resource(token: Token, management: &Token, resource_id: &str) -> Result<Token> {
    token
        .with_header(
            "x-databricks-azure-sp-management-token",
            management.bearer().expose_secret(),
        )?
        .with_header("x-databricks-azure-workspace-resource-id", resource_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_are_told_by_the_names_of_workspaces() {
        assert_eq!(Cloud::of("adb-1.2.azuredatabricks.net"), PUBLIC);
        assert_eq!(Cloud::of("dbc-1.cloud.databricks.com"), PUBLIC);
        let us = Cloud::of("adb-1.2.databricks.azure.us");
        assert_eq!(us.login, "https://login.microsoftonline.us");
        let cn = Cloud::of("adb-1.2.databricks.azure.cn");
        assert_eq!(cn.management, "https://management.core.chinacloudapi.cn/");
        assert_ne!(
            Cloud::of("adb-1.2.staging.azuredatabricks.net").application,
            APPLICATION
        );
    }
}
