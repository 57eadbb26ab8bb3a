//! What the end-to-end tests share: sample answers, a Python environment for tools that others wrote,
//! and the stand-ins of the platforms.

pub mod answers;
#[cfg(test)]
mod behaviour;
pub mod discord;
pub mod model;
pub mod picture;
pub mod python;
pub mod real;
pub mod slack;
