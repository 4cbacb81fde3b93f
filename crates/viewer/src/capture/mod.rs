//! Drawing without a display: pictures and measured flights.
//!
//! - [`headless`]: the app without a window
//! - [`shot`]: one picture of a settled view
//! - [`fly`]: a camera path, measured
//! - [`orbit`]: the path and the protocol that the peers are measured with
//! - [`memory`]: what the process takes

pub mod fly;
pub mod headless;
pub mod memory;
pub mod orbit;
pub mod shot;
