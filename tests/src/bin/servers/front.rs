//! nginx in front of a server.

use std::path::Path;

use crate::Claims;
use crate::server::Server;

pub fn show(_server: &Server, _directory: &Path, _claims: &Claims) {}
