//! The HTTP client: TLS, redirects, and which servers may be asked.

use std::{error::Error as _, io, sync::Arc};

use reqwest::{Client, ClientBuilder, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use url::Url;

use super::extra::Secrets;
use crate::{FetchError, OpenOptions};

const MAX_REDIRECTS: usize = 10;
const USER_AGENT: &str = concat!("hamlet/", env!("CARGO_PKG_VERSION"));

/// Which servers may be asked.
#[derive(Clone, Debug)]
pub(crate) enum Origins {
    Any,
    /// The one at this address.
    Only(Url),
}

impl Origins {
    /// Refuses an address on another server, with the reason.
    pub(crate) fn check(&self, address: &Url) -> Result<(), String> {
        let Self::Only(own) = self else { return Ok(()) };
        let is_upgrade = own.scheme() == "http"
            && address.scheme() == "https"
            && own.host() == address.host()
            && own.port().is_none()
            && address.port().is_none();
        if address.origin() == own.origin() || is_upgrade {
            return Ok(());
        }
        Err(format!(
            "it lies on another server, {}; only {} is read unless other servers are allowed (--other-servers)",
            address.origin().ascii_serialization(),
            own.origin().ascii_serialization()
        ))
    }

    pub(crate) fn check_redirect(&self, previous: &[Url], next: &Url) -> Result<(), String> {
        if previous.len() > MAX_REDIRECTS {
            return Err(format!("more than {MAX_REDIRECTS} redirects"));
        }
        if !matches!(next.scheme(), "http" | "https") {
            return Err(format!("a redirect to the scheme `{}`", next.scheme()));
        }
        if previous.last().is_some_and(|last| last.scheme() == "https") && next.scheme() == "http" {
            return Err("a redirect from https to http".to_owned());
        }
        self.check(next).map_err(|reason| format!("a redirect: {reason}"))
    }
}

pub(crate) fn builder(
    origins: &Origins,
    secrets: &Secrets,
    options: &OpenOptions,
    tls: &ClientConfig,
) -> ClientBuilder {
    let redirects = {
        let (origins, secrets) = (origins.clone(), secrets.clone());
        redirect::Policy::custom(move |attempt| {
            match origins.check_redirect(attempt.previous(), attempt.url()) {
                // The client would take extra headers along; `Http::send` follows without them.
                Ok(()) if !secrets.is_empty() && !secrets.may_go_to(attempt.url()) => attempt.stop(),
                Ok(()) => attempt.follow(),
                Err(reason) => attempt.error(reason),
            }
        })
    };
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(USER_AGENT)
        .redirect(redirects)
        .referer(false)
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.stall_timeout)
}

/// Trusts what the system trusts, Mozilla's roots for systems that have none, and the authorities given in PEM.
pub(crate) fn tls_config(extra_ca_pem: Option<&[u8]>) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = extra_ca_pem {
        let invalid = |reason: String| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the extra authorities cannot be used: {reason}"),
            )
        };
        let mut certificates = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
            roots.add(certificate).map_err(|error| invalid(error.to_string()))?;
            certificates += 1;
        }
        if certificates == 0 {
            return Err(invalid("there is no certificate in PEM".to_owned()));
        }
    }
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::debug!("a system certificate store cannot be read: {error}");
    }
    roots.add_parsable_certificates(system.certs);
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

pub(crate) fn network_error(uri: &str, error: reqwest::Error) -> FetchError {
    let is_redirect = error.is_redirect();
    let error = error.without_url();
    if let Some(reason) = certificate_problem(&error) {
        return FetchError::refused(uri, format!("the server cannot prove who it is: {reason}"));
    }
    // reqwest names the step and keeps the reason at the end of the chain of sources.
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    if error.is_connect() {
        reason = format!("no connection to the server: {reason}");
    }
    if is_redirect { FetchError::refused(uri, reason) } else { FetchError::network(uri, reason) }
}

/// What is wrong with the certificate of the server, if that is why there is no connection. Asking again is of no use.
fn certificate_problem(error: &reqwest::Error) -> Option<String> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(rustls::Error::InvalidCertificate(problem)) = tls_error(cause) {
            return Some(problem.to_string());
        }
        source = cause.source();
    }
    None
}

/// The error of TLS in an error, which may be wrapped in errors of IO several times: those do not tell it as their source.
fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    match error.downcast_ref() {
        Some(error) => Some(error),
        None => tls_error(error.downcast_ref::<io::Error>()?.get_ref()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_keep_to_the_rules() {
        let url = |text: &str| Url::parse(text).unwrap();
        let own = Origins::Only(url("http://a.example/t/tileset.json"));
        let check = |origins: &Origins, from: &str, to: &str| origins.check_redirect(&[url(from)], &url(to));
        assert_eq!(check(&own, "http://a.example/x", "http://a.example/y"), Ok(()));
        assert_eq!(check(&own, "http://a.example/x", "https://a.example/y"), Ok(()));
        assert!(
            check(&own, "https://a.example/x", "http://a.example/y").unwrap_err().contains("https to http")
        );
        assert!(
            check(&own, "http://a.example/x", "http://a.example:81/y")
                .unwrap_err()
                .contains("--other-servers")
        );
        assert!(
            check(&Origins::Any, "http://a.example/x", "ftp://a.example/y").unwrap_err().contains("`ftp`")
        );
        assert_eq!(check(&Origins::Any, "http://a.example/x", "https://b.example/y"), Ok(()));
        let many = vec![url("http://a.example/"); 11];
        assert!(own.check_redirect(&many[..10], &many[0]).is_ok());
        assert!(own.check_redirect(&many, &many[0]).is_err());
    }
}
