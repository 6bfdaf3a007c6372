//! The recipes of the documentation, run as they stand there: the blocks whose fence names what they are for and the server.

use std::fs;
use std::process::Command;

use logpipe_tests::{tools, transcript};
use serde_json::Value;

use crate::server::{Server, Trouble};

/// Runs the one recipe that is for `purpose` on this server; what it prints.
pub fn run(purpose: &str, server: &Server) -> Result<String, Trouble> {
    let mut recipe = None;
    for page in tools::pages() {
        let text = fs::read_to_string(page)?;
        for fence in transcript::fences(&text) {
            let mut words = fence.info.split(' ').filter(|word| !word.is_empty());
            let is_it = words.next() == Some("sh")
                && words.next() == Some(purpose)
                && words.any(|word| word == server.name.text());
            if is_it && recipe.is_none() {
                recipe = Some(fence.lines.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n"));
            }
        }
    }
    let recipe = recipe.ok_or_else(|| format!("no page has the recipe: {purpose} {}", server.name.text()))?;
    let url = server.url().replace("//", "//admin:admin-secret@");
    let output = Command::new("sh").arg("-euc").arg(&recipe).env("ES", &url).env("VL", &url).output()?;
    let printed = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        return Err(format!("{recipe}\n{printed}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(printed)
}

/// The records that a recipe prints, one a line.
pub fn records(purpose: &str, server: &Server) -> Result<Vec<Value>, Trouble> {
    let printed = run(purpose, server)?;
    let records: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&printed).into_iter().collect();
    Ok(records?)
}
