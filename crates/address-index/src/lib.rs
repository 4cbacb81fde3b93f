//! address-index
