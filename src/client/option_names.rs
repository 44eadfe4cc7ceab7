//! What settings are called where the user gives them, so that messages name what can be set.

/// The names of the options that messages point to. Each surface has its own.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OptionNames {
    /// The longest time to set a connection up.
    pub connect_timeout: &'static str,
    /// The longest silence of a server.
    pub silence_timeout: &'static str,
    /// The longest time to open a session, where it can be set.
    pub login_timeout: Option<&'static str>,
    /// The workspace's host.
    pub host: &'static str,
    /// Authorities that replace those of the system.
    pub trusted_ca: &'static str,
    /// Authorities beside those of the system.
    pub additional_ca: &'static str,
    /// The certificate that is shown to servers.
    pub client_certificate: &'static str,
    /// The key of that certificate.
    pub client_key: &'static str,
    /// How to ask for results without cloud storage.
    pub no_external_links: &'static str,
    /// The ports that a browser may come back to.
    pub redirect_ports: &'static str,
}

impl OptionNames {
    /// Those of the DB-API.
    pub const DBAPI: Self = Self {
        connect_timeout: "connect_timeout",
        silence_timeout: "socket_timeout",
        login_timeout: Some("login_timeout"),
        host: "server_hostname",
        trusted_ca: "tls_trusted_ca_file",
        additional_ca: "tls_additional_ca_file",
        client_certificate: "tls_client_cert_file",
        client_key: "tls_client_cert_key_file",
        no_external_links: "use_cloud_fetch=False",
        redirect_ports: "oauth_redirect_port",
    };

    /// Whatever adds an authority to those that are trusted.
    pub(crate) fn authorities(&self) -> String {
        if self.trusted_ca == self.additional_ca {
            return self.additional_ca.to_owned();
        }
        format!("{} or {}", self.trusted_ca, self.additional_ca)
    }
}
