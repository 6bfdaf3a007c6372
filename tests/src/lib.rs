//! What the tests of whole pipelines share. Nothing here is part of the product.

pub mod front;
pub mod pipeline;
pub mod receiver;
pub mod running;
pub mod shell;
pub mod site;
pub mod tools;
pub mod transcript;
pub mod vendor;
pub mod writers;
