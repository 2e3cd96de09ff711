//! Campanile engine.

pub mod transport;
