//! The binary's parts, as a library so that tests can start a server inside their process.

pub mod bootstrap;
pub mod cli;
pub mod commands;
pub mod config;
pub mod logging;
pub mod node;
pub mod server;
