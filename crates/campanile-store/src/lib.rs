//! Campanile store.
