//! Rays against resident geometry, and what the point is.
