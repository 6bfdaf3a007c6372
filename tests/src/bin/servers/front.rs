//! nginx in front of OpenSearch, as in most clusters something is: what it asks for and what it answers by itself.
//!
//! | nginx | shown |
//! |---|---|
//! | a certificate of its own CA | held without `--cacert` |
//! | asks for a client certificate, else 400 and a page | held without `--cert`, and with a stranger's |
//! | TLS spoken to without, 400 and a page | held |
//! | 401 | held; delivered when the password is changed, when the token's file is |
//! | `client_max_body_size`: 413 and a page | halved; a record that is larger by itself is refused |
//! | `limit_req`: 429, 503 | each line once |
//! | a redirect | held, not followed |
//! | nothing behind it: 502 | held |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use logpipe_tests::tools;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::Claims;
use crate::bulk::{Bulk, numbered};
use crate::server::{Trouble, until};
use crate::shipment::Shipment;

struct Front<'a> {
    bulk: &'a Bulk<'a>,
    directory: PathBuf,
    nginx: Child,
    plain: String,
    tls: String,
    strict: String,
}

/// Shows all of it.
pub fn show(bulk: &Bulk<'_>, claims: &Claims) -> Result<(), Trouble> {
    let front = Front::start(bulk)?;
    let show = |claim: &str, shown: &dyn Fn() -> Result<String, Trouble>| claims.show("nginx", claim, shown);
    show("a certificate of its own CA", &|| front.own_ca());
    show("a client certificate", &|| front.client_certificate());
    show("TLS where none is spoken", &|| front.plain_to_tls());
    show("a password that is mended", &|| front.password());
    show("a token whose file is mended", &|| front.token());
    show("client_max_body_size", &|| front.too_large());
    show("limit_req, 429", &|| front.limited("429"));
    show("limit_req, 503", &|| front.limited("503"));
    show("a redirect", &|| front.held_at("moved", "301"));
    show("nothing behind it", &|| front.held_at("down", "502"));
    show("compressed bodies", &|| front.compressed());
    Ok(())
}

impl<'a> Front<'a> {
    fn start(bulk: &'a Bulk<'a>) -> Result<Self, Trouble> {
        let directory = bulk.directory.join("nginx");
        fs::create_dir_all(&directory)?;
        for name in ["ca", "stranger"] {
            openssl(&directory, &format!("-subj /CN={name} -keyout {name}.key -out {name}.pem"))?;
        }
        let signed = "-CA ca.pem -CAkey ca.key -addext basicConstraints=critical,CA:FALSE";
        openssl(
            &directory,
            &format!("{signed} -subj /CN=front -addext subjectAltName=IP:127.0.0.1 -keyout front.key -out front.pem"),
        )?;
        openssl(&directory, &format!("{signed} -subj /CN=pod -keyout pod.key -out pod.pem"))?;
        let ports = [tools::free_port()?, tools::free_port()?, tools::free_port()?];
        let configuration = configuration(&directory, &bulk.server.url(), ports);
        fs::write(directory.join("nginx.conf"), configuration)?;
        let errors = fs::File::create(directory.join("said"))?;
        let nginx = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "nginx", "-c", "nginx.conf", "-e", "error.log", "-p"])
            .arg(&directory)
            .stdin(Stdio::null())
            .stderr(errors)
            .spawn()?;
        let [plain, tls, strict] = ports;
        let front = Self {
            bulk,
            directory,
            nginx,
            plain: format!("http://127.0.0.1:{plain}"),
            tls: format!("https://127.0.0.1:{tls}"),
            strict: format!("https://127.0.0.1:{strict}"),
        };
        until("nginx", || Ok(front.directory.join("pid").exists()))?;
        Ok(front)
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }

    /// One record alone shows more than many: a 400 could be its fault.
    fn shipment(&self, index: &str, base: &str, count: usize) -> Result<Shipment, Trouble> {
        let url = format!("{base}/{index}");
        Shipment::of_records(&self.directory, index, &numbered(count), &["--to", "opensearch", &url])
    }

    /// Starts it, waits for words, kills it: what it said. Nothing was delivered.
    fn held(shipment: &Shipment, options: &[&str], words: &str) -> Result<String, Trouble> {
        let mut pipeline = shipment.start_with(options)?;
        until(words, || Ok(shipment.said().contains(words) || !shipment.refused()?.is_empty()))?;
        let (acked, refused) = (shipment.acked()?, shipment.refused()?.len());
        Shipment::kill_logpost(&mut pipeline)?;
        let said = shipment.said();
        if acked != 0 || refused != 0 || said.contains("-secret") {
            return Err(format!("acknowledged {acked}, refused {refused}; said:\n{said}").into());
        }
        let line = said.lines().rev().find(|line| line.contains(words)).unwrap_or_default();
        Ok(line.split_once(": ").map_or(line, |(_, said)| said).to_owned())
    }

    /// Runs it to its end: every line is there once.
    fn delivered(&self, shipment: &Shipment, index: &str, options: &[&str]) -> Result<String, Trouble> {
        let code = shipment.finish(&mut shipment.start_with(options)?)?;
        let text = self.bulk.compare(shipment, index)?;
        let refused = shipment.refused()?.len();
        if code != 0 || refused != 0 {
            return Err(format!("{text}; exit code {code}, refused {refused}").into());
        }
        Ok(text)
    }

    fn own_ca(&self) -> Result<String, Trouble> {
        let shipment = self.shipment("own-ca", &self.tls, 300)?;
        let said = Self::held(&shipment, &[], "trying again")?;
        let text = self.delivered(&shipment, "own-ca", &["--cacert", &self.path("ca.pem")])?;
        Ok(format!("{text}; before: {said}"))
    }

    fn client_certificate(&self) -> Result<String, Trouble> {
        let shipment = self.shipment("known", &self.strict, 1)?;
        let ca = self.path("ca.pem");
        let said = Self::held(&shipment, &["--cacert", &ca], "trying again")?;
        let (certificate, key) = (self.path("stranger.pem"), self.path("stranger.key"));
        Self::held(&shipment, &["--cacert", &ca, "--cert", &certificate, "--key", &key], "trying again")?;
        let (certificate, key) = (self.path("pod.pem"), self.path("pod.key"));
        let text = self.delivered(&shipment, "known", &["--cacert", &ca, "--cert", &certificate, "--key", &key])?;
        Ok(format!("{text}; before: {said}"))
    }

    fn plain_to_tls(&self) -> Result<String, Trouble> {
        let shipment = self.shipment("scheme", &self.tls.replace("https", "http"), 1)?;
        Self::held(&shipment, &[], "400")
    }

    fn password(&self) -> Result<String, Trouble> {
        fs::write(self.directory.join("users"), "me:{PLAIN}old-secret\n")?;
        let shipment = self.shipment("password", &format!("{}/basic", self.plain), 300)?;
        let mut pipeline = shipment.start_with(&["-u", "me:new-secret"])?;
        shipment.until_said(": 401")?;
        let acked = shipment.acked()?;
        fs::write(self.directory.join("users"), "me:{PLAIN}new-secret\n")?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.bulk.compare(&shipment, "password")?;
        if code != 0 || acked != 0 || shipment.said().contains("-secret") {
            return Err(format!("{text}; exit code {code}, acknowledged {acked}; said:\n{}", shipment.said()).into());
        }
        Ok(text)
    }

    fn token(&self) -> Result<String, Trouble> {
        let token = self.path("token");
        fs::write(&token, "old-secret\n")?;
        let shipment = self.shipment("token-index", &format!("{}/bearer", self.plain), 300)?;
        let mut pipeline = shipment.start_with(&["--token-file", &token])?;
        shipment.until_said(": 401")?;
        let acked = shipment.acked()?;
        fs::write(&token, "new-secret\n")?;
        let code = shipment.finish(&mut pipeline)?;
        let text = self.bulk.compare(&shipment, "token-index")?;
        if code != 0 || acked != 0 || shipment.said().contains("-secret") {
            return Err(format!("{text}; exit code {code}, acknowledged {acked}; said:\n{}", shipment.said()).into());
        }
        Ok(text)
    }

    fn too_large(&self) -> Result<String, Trouble> {
        let mut records = numbered(3000);
        records[1500]["message"] = json!("long ".repeat(20_000));
        let url = format!("{}/small/small", self.plain);
        let shipment = Shipment::of_records(&self.directory, "small", &records, &["--to", "opensearch", &url])?;
        let code = shipment.finish(&mut shipment.start()?)?;
        let text = self.bulk.compare_without(&shipment, "small", |record| record["n"] == 1500)?;
        let refused = shipment.refused()?;
        if code != 1 || refused.len() != 1 || refused[0]["n"] != 1500 {
            return Err(format!("{text}; exit code {code}, {} refused", refused.len()).into());
        }
        let reason = refused[0]["_refused"].as_str().unwrap_or_default();
        Ok(format!("{text}; {} times 413, one record of 100 kB refused: {reason}", shipment.answers("413")))
    }

    fn limited(&self, status: &str) -> Result<String, Trouble> {
        let index = format!("limited-{status}");
        let shipment = self.shipment(&index, &format!("{}/limited{status}", self.plain), 1000)?;
        let text = self.delivered(&shipment, &index, &["--batch-bytes", "8KiB"])?;
        match shipment.answers(status) {
            0 => Err(format!("{text}; never {status}").into()),
            count => Ok(format!("{text}; {count} times {status}")),
        }
    }

    fn held_at(&self, place: &str, words: &str) -> Result<String, Trouble> {
        Self::held(&self.shipment(place, &format!("{}/{place}", self.plain), 1)?, &[], words)
    }

    fn compressed(&self) -> Result<String, Trouble> {
        let shipment = self.shipment("compressed", &format!("{}/open", self.plain), 3000)?;
        self.delivered(&shipment, "compressed", &["--compress", "gzip"])
    }
}

impl Drop for Front<'_> {
    fn drop(&mut self) {
        // Its workers end with it only if it ends by itself.
        let _ = kill_process(Pid::from_child(&self.nginx), Signal::TERM);
        drop(self.nginx.wait());
    }
}
/// Makes a key and a certificate.
fn openssl(directory: &Path, words: &str) -> Result<(), Trouble> {
    let output = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '))
        .args(words.split(' '))
        .current_dir(directory)
        .output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

fn configuration(directory: &Path, upstream: &str, ports: [u16; 3]) -> String {
    let [plain, tls, strict] = ports;
    // The workers of a root's nginx may not reach what root has made.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {}/{name};\n", directory.display()))
        .concat();
    format!(
        "{user}
daemon off;
pid pid;
events {{ }}
http {{
    access_log off;
    {temporary}
    client_max_body_size 0;
    limit_req_zone $server_port zone=one:1m rate=10r/s;
    limit_req_zone $server_port zone=two:1m rate=10r/s;
    ssl_certificate front.pem;
    ssl_certificate_key front.key;
    server {{
        listen 127.0.0.1:{plain};
        location /open/ {{ proxy_pass {upstream}/; }}
        location /basic/ {{ auth_basic logs; auth_basic_user_file users; proxy_pass {upstream}/; }}
        location /bearer/ {{
            if ($http_authorization != 'Bearer new-secret') {{ return 401; }}
            proxy_pass {upstream}/;
        }}
        location /small/ {{ client_max_body_size 64k; proxy_pass {upstream}/; }}
        location /limited429/ {{ limit_req zone=one; limit_req_status 429; proxy_pass {upstream}/; }}
        location /limited503/ {{ limit_req zone=two; proxy_pass {upstream}/; }}
        location /moved/ {{ return 301 http://127.0.0.1:{plain}/open$request_uri; }}
        location /down/ {{ proxy_pass http://127.0.0.1:1/; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        location / {{ proxy_pass {upstream}; }}
    }}
    server {{
        listen 127.0.0.1:{strict} ssl;
        ssl_client_certificate ca.pem;
        ssl_verify_client on;
        location / {{ proxy_pass {upstream}; }}
    }}
}}
"
    )
}
