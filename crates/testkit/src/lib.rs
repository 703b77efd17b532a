//! What tests, the demo and the bench share: made-up traffic with attacks, and a client. Nothing here runs in a live
//! shop.

pub mod http;
pub mod traffic;
