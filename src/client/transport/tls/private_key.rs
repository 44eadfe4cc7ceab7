//! Private keys in PEM: PKCS#8, encrypted or not, PKCS#1 and SEC1.

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::SecretDocument;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::client::{Error, Result};

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// The key in a file; `named` says which, in messages, and nothing of the key ever does.
pub(crate) fn read(
    pem: &[u8],
    passphrase: Option<&str>,
    named: &str,
) -> Result<PrivateKeyDer<'static>> {
    let text = String::from_utf8_lossy(pem);
    if let Some(start) = text.find(ENCRYPTED) {
        let end = text[start..].find(ENCRYPTED_END);
        let end = end.map_or(text.len(), |end| start + end + ENCRYPTED_END.len());
        return decrypted(&text[start..end], passphrase, named);
    }
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(Error::invalid_argument(format!(
            "{named} is encrypted in an old way that is not safe; \
             'openssl pkcs8 -topk8 -v2 aes256' makes an encrypted PKCS#8 key of it"
        )));
    }
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| Error::invalid_argument(format!("{named} holds no private key in PEM")))
}

fn decrypted(pem: &str, passphrase: Option<&str>, named: &str) -> Result<PrivateKeyDer<'static>> {
    let passphrase = passphrase.ok_or_else(|| {
        Error::invalid_argument(format!("{named} is encrypted and no passphrase was given"))
    })?;
    let damaged = || {
        Error::invalid_argument(format!(
            "{named} is no encrypted PKCS#8 key; PBES2 with PBKDF2 or scrypt and AES is understood"
        ))
    };
    let (_, document) = SecretDocument::from_pem(pem).map_err(|_| damaged())?;
    let encrypted =
        EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| damaged())?;
    let key = encrypted
        .decrypt(passphrase)
        .map_err(|_| Error::invalid_argument(format!("the passphrase does not open {named}")))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_unseen() {
        let encrypted = format!("{ENCRYPTED}\ns3cret\n{ENCRYPTED_END}\n");
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\ns3cret\n";
        for pem in ["", "s3cret", &encrypted, old] {
            let error = read(pem.as_bytes(), Some("s3cret"), "the key").expect_err(pem);
            assert!(!error.message().contains("s3cret"), "{error}");
            assert!(error.message().contains("the key"), "{error}");
        }
    }
}
