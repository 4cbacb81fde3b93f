//! Why a command could not be carried out.

use std::path::PathBuf;

use crate::gpu::{device::DeviceError, target::ReadBackError};

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The picture could not be had back.
    #[error(transparent)]
    ReadBack(#[from] ReadBackError),
    /// Nothing to be opened there.
    #[error(transparent)]
    Open(#[from] store::OpenError),
    /// The tileset itself could not be read.
    #[error("{what}: {reason}")]
    Unreadable {
        /// What was to be opened.
        what: String,
        /// Why not.
        reason: String,
    },
    /// Not a camera text.
    #[error(transparent)]
    Camera(#[from] geodesy::CameraTextError),
    /// The system refused a thread.
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
    /// A file could not be written.
    #[error("{path}: {reason}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file of the user's (camera path) could not be read.
    #[error("{path}: {reason}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Asked of a tileset before one was opened.
    #[error("no tileset is open")]
    NothingOpen,
    /// The graphics driver reported an error and drawing stopped; the log says more.
    #[error("the graphics driver reported an error and drawing stopped; the log says more")]
    EngineStopped,
    /// The window could not be opened.
    #[error("{0}")]
    Window(String),
}
