//! Personal access tokens, sent as they are.

use secrecy::{ExposeSecret, SecretString};

use super::{Grant, IdentityClient, Token, TokenFuture, TokenSource};
use crate::client::{Error, Result};

/// A token that a user made in the workspace.
#[derive(Debug)]
pub struct PersonalAccessToken(Token);

impl PersonalAccessToken {
    /// Refuses what can be no header value, without repeating it.
    pub fn try_new(token: SecretString) -> Result<Self> {
        if token.expose_secret().trim().is_empty() {
            return Err(Error::invalid_argument(
                "access_token is empty; pass a personal access token",
            ));
        }
        let token = Token::try_new(token).map_err(|_| {
            Error::invalid_argument(
                "access_token holds characters that no token has, such as blanks or line ends",
            )
        })?;
        Ok(Self(token))
    }

    /// Whether somebody else than the workspace may have issued it.
    #[must_use]
    pub fn is_jwt(&self) -> bool {
        self.0.is_jwt()
    }
}

impl TokenSource for PersonalAccessToken {
    fn token<'a>(&'a self, _refused: Option<&'a Token>) -> TokenFuture<'a> {
        Box::pin(std::future::ready(Ok(self.0.clone())))
    }

    fn remedy(&self) -> &'static str {
        "check access_token"
    }
}

impl Grant for PersonalAccessToken {
    fn request<'a>(&'a self, _identity: &'a IdentityClient) -> TokenFuture<'a> {
        self.token(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_are_no_header_values_are_refused_unseen() {
        for token in ["", " ", "abc\ndef", "a b", "tökèn"] {
            let error = PersonalAccessToken::try_new(token.into()).expect_err(token);
            assert!(
                token.trim().is_empty() || !error.message().contains(token),
                "{error}"
            );
        }
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = PersonalAccessToken::try_new("dapi-s3cret".into()).unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
