//! Delivers records over HTTP and keeps them until they have been accepted.

use logline::ending::Exit;
use logpost::{MANUAL, PROG, run};

fn main() -> Exit {
    logline::args::run(PROG, &MANUAL, run)
}
