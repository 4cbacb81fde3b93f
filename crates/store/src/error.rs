//! Errors by meaning: what a caller can do about them.

use std::{io, time::Duration};

/// Why no bytes came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no such file or entry (HTTP 404 and 410 too).
    #[error("{uri}: not found")]
    NotFound {
        /// What was asked for.
        uri: String,
    },
    /// The uri or a redirect leads where the source must not go.
    #[error("{uri}: refused: {reason}")]
    Refused {
        /// What was asked for.
        uri: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// Reading it takes more than the caller allows.
    #[error("{uri}: takes more than the {max_bytes} bytes allowed")]
    TooLarge {
        /// What was asked for.
        uri: String,
        /// The limit.
        max_bytes: u64,
        /// What it takes, as far as the source tells; always more than the limit.
        needed: Option<u64>,
    },
    /// The bytes are there but broken (gzip, archive structure, checksum), or use a feature that is not read.
    #[error("{uri}: {reason}")]
    Corrupt {
        /// What was asked for.
        uri: String,
        /// What is wrong.
        reason: String,
    },
    /// The server answered, but neither with the file nor with 404 or 410.
    #[error("{uri}: the server answered with status {status}")]
    Status {
        /// What was asked for.
        uri: String,
        /// HTTP status.
        status: u16,
        /// `Retry-After`, if the server sent it.
        retry_after: Option<Duration>,
    },
    /// No connection, connection lost, timeout, answer cut short.
    #[error("{uri}: {reason}")]
    Network {
        /// What was asked for.
        uri: String,
        /// What happened.
        reason: String,
    },
    /// The file system failed.
    #[error("{uri}: {reason}")]
    Io {
        /// What was asked for.
        uri: String,
        /// What the system said.
        reason: String,
        /// The same call may succeed later.
        transient: bool,
    },
    /// The caller cancelled it.
    #[error("{uri}: cancelled")]
    Cancelled {
        /// What was asked for.
        uri: String,
    },
}

impl FetchError {
    /// What went wrong, without the name of the file.
    pub fn reason(&self) -> String {
        let text = self.to_string();
        let uri = match self {
            Self::NotFound { uri }
            | Self::Refused { uri, .. }
            | Self::TooLarge { uri, .. }
            | Self::Corrupt { uri, .. }
            | Self::Status { uri, .. }
            | Self::Network { uri, .. }
            | Self::Io { uri, .. }
            | Self::Cancelled { uri } => uri,
        };
        text.strip_prefix(uri.as_str())
            .and_then(|rest| rest.strip_prefix(": "))
            .map_or(text.clone(), str::to_owned)
    }

    /// Trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Io { transient, .. } => *transient,
            _ => false,
        }
    }

    /// The server asked to wait this long.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The same error about another uri.
    pub(crate) fn about(mut self, new_uri: &str) -> Self {
        match &mut self {
            Self::NotFound { uri }
            | Self::Refused { uri, .. }
            | Self::TooLarge { uri, .. }
            | Self::Corrupt { uri, .. }
            | Self::Status { uri, .. }
            | Self::Network { uri, .. }
            | Self::Io { uri, .. }
            | Self::Cancelled { uri } => new_uri.clone_into(uri),
        }
        self
    }

    pub(crate) fn refused(uri: &str, reason: impl Into<String>) -> Self {
        Self::Refused { uri: uri.to_owned(), reason: reason.into() }
    }

    pub(crate) fn corrupt(uri: &str, reason: impl Into<String>) -> Self {
        Self::Corrupt { uri: uri.to_owned(), reason: reason.into() }
    }

    pub(crate) fn network(uri: &str, reason: impl Into<String>) -> Self {
        Self::Network { uri: uri.to_owned(), reason: reason.into() }
    }

    pub(crate) fn io(uri: &str, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::NotFound | Kind::NotADirectory => Self::NotFound { uri: uri.to_owned() },
            kind => Self::Io {
                uri: uri.to_owned(),
                reason: error.to_string(),
                transient: matches!(
                    kind,
                    Kind::Interrupted
                        | Kind::WouldBlock
                        | Kind::TimedOut
                        | Kind::ResourceBusy
                        | Kind::StaleNetworkFileHandle
                        | Kind::OutOfMemory
                ),
            },
        }
    }
}

/// Why a source could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing lies there.
    #[error("{what}: not found")]
    NotFound {
        /// What was to be opened.
        what: String,
    },
    /// It is nothing that can be opened.
    #[error("{what}: {reason}")]
    Unsupported {
        /// What was to be opened.
        what: String,
        /// Why not.
        reason: String,
    },
    /// A package that cannot be read.
    #[error("{what}: {reason}")]
    Corrupt {
        /// What was to be opened.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The file system or the network failed.
    #[error("{what}: {source}")]
    Io {
        /// What was to be opened.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn io(what: &str, source: io::Error) -> Self {
        let cause = source.get_ref().and_then(|cause| cause.downcast_ref::<FetchError>());
        match source.kind() {
            _ if matches!(cause, Some(FetchError::NotFound { .. })) => {
                Self::NotFound { what: what.to_owned() }
            }
            io::ErrorKind::NotFound => Self::NotFound { what: what.to_owned() },
            _ => Self::Io { what: what.to_owned(), source },
        }
    }
}
