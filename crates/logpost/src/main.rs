//! Delivers records over HTTP and keeps them until they have been accepted.

use logline::ending::Exit;
use logpost::{HINTS, PROG, run};

fn main() -> Exit {
    logline::args::run(PROG, HINTS, run)
}
