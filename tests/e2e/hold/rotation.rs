//! Certificates, keys and kubeconfigs that are replaced while a lease is held: read anew, and the lease is kept.

use std::path::{Path, PathBuf};

use lease_harness::{Command, TlsFront, no_such_file, wait_gone};
use serde_json::{Value, json};

use super::scene::{Held, SOON, Scene, announced, shell, until};

/// A hold through TLS, as whoever the kubeconfig says.
struct Rotation {
    scene: Scene,
    front: TlsFront,
    kubeconfig: PathBuf,
    gate: PathBuf,
}

impl Rotation {
    fn new(seconds: u32, wants_certificate: bool) -> Self {
        let scene = Scene::new(seconds);
        let front = TlsFront::to(&scene.proxy.plain_url(), wants_certificate);
        let gate = scene.gate();
        Self {
            kubeconfig: scene.ns.file("rotating", ""),
            scene,
            front,
            gate,
        }
    }

    fn file(&self, name: &str, contents: &str) -> PathBuf {
        self.scene.ns.file(name, contents)
    }

    /// With these for cluster and user beside the server and the token.
    fn write_kubeconfig(&self, cluster: &Value, user: &Value) {
        let mut config = self.scene.ns.kubeconfig_json(&self.scene.user);
        config["clusters"][0]["cluster"] = json!({ "server": self.front.url() });
        for (part, more) in [("clusters", cluster), ("users", user)] {
            let entry = &mut config[part][0][part.trim_end_matches('s')];
            for (key, value) in more.as_object().expect("a map") {
                entry[key] = value.clone();
            }
        }
        std::fs::write(&self.kubeconfig, config.to_string()).expect("the folder is ours");
    }

    fn command(&self, flags: &[&str]) -> Command {
        let command = shell(&announced(&until(&self.gate)));
        let hold = self.scene.hold(flags).arg("--");
        let hold = command.into_iter().fold(hold, Command::arg);
        hold.kubeconfig(&self.kubeconfig)
    }

    #[track_caller]
    fn start(&self, flags: &[&str]) -> Held {
        let held = Held::start(&self.command(flags));
        self.scene.wait_renewals(1);
        held
    }

    #[track_caller]
    fn survives(&self, held: Held) {
        self.scene.wait_renewals(2);
        std::fs::write(&self.gate, "").expect("the folder is ours");
        let output = held.end();
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(self.scene.ns.holder("job"), None, "{output}");
    }
}

fn rewrite(path: &Path, contents: &str) {
    std::fs::write(path, contents).expect("the folder is ours");
}

#[test]
fn an_authority_replaced_in_a_file_or_in_the_kubeconfig_is_read_again_and_waited_for() {
    for by_flag in [true, false] {
        let mut it = Rotation::new(3, false);
        let file = it.file("ca.pem", it.front.ca_pem());
        let flag = format!("--certificate-authority={}", file.display());
        let write = |it: &Rotation| match by_flag {
            true => it.write_kubeconfig(&json!({}), &json!({})),
            false => {
                let data = json!({ "certificate-authority-data": it.front.ca_data() });
                it.write_kubeconfig(&data, &json!({}));
            }
        };
        write(&it);
        let flags = [flag.as_str()];
        let held = it.start(if by_flag { &flags } else { &[] });
        it.front.replace_authority();
        rewrite(&file, it.front.ca_pem());
        write(&it);
        it.survives(held);
    }
    // The file comes after the certificate: until then the old authority is what there is.
    let mut it = Rotation::new(6, false);
    let file = it.file("ca.pem", it.front.ca_pem());
    it.write_kubeconfig(&json!({ "certificate-authority": file }), &json!({}));
    let held = it.start(&[]);
    let half = &it.front.ca_pem()[..100].to_owned();
    rewrite(&file, half);
    it.front.replace_authority();
    std::thread::sleep(std::time::Duration::from_millis(700));
    std::fs::remove_file(&file).expect("it is there");
    std::thread::sleep(std::time::Duration::from_millis(700));
    rewrite(&file, it.front.ca_pem());
    it.survives(held);
}

#[test]
fn what_is_gone_or_leads_elsewhere_changes_nothing_and_a_new_client_certificate_is_read() {
    for gone in [true, false] {
        let it = Rotation::new(3, false);
        let file = it.file("ca.pem", it.front.ca_pem());
        let authority = json!({ "certificate-authority": file });
        it.write_kubeconfig(&authority, &json!({}));
        let held = it.start(&[]);
        if gone {
            std::fs::remove_file(&file).expect("it is there");
            std::fs::remove_file(&it.kubeconfig).expect("it is there");
        } else {
            let elsewhere = json!({ "server": "https://127.0.0.1:1" });
            it.write_kubeconfig(&elsewhere, &json!({ "token": "another" }));
        }
        it.scene.proxy.reset_connections();
        it.survives(held);
    }
    let mut it = Rotation::new(3, true);
    let (certificate, key) = it.front.client();
    let (certificate_file, key_file) = (it.file("crt", &certificate), it.file("key", &key));
    let authority = json!({ "certificate-authority-data": it.front.ca_data() });
    let user = json!({ "client-certificate": certificate_file, "client-key": key_file });
    it.write_kubeconfig(&authority, &user);
    let held = it.start(&[]);
    it.front.replace_clients();
    let (certificate, key) = it.front.client();
    // One after the other, as they are written: they do not belong together in between.
    rewrite(&certificate_file, &certificate);
    rewrite(&key_file, &key);
    it.survives(held);
}

#[test]
fn an_authority_that_is_not_replaced_has_the_command_dead_and_says_what_could_not_be_read() {
    let mut it = Rotation::new(2, false);
    let file = it.file("ca.pem", it.front.ca_pem());
    it.write_kubeconfig(&json!({ "certificate-authority": file }), &json!({}));
    let held = it.start(&[]);
    std::fs::remove_file(&file).expect("it is there");
    it.front.replace_authority();
    wait_gone(held.child, SOON);
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
    let why = format!(
        "its certificate is signed by an authority that is not trusted here (cannot use the certificate authority of cluster \"test\": {}: {})",
        file.display(),
        no_such_file()
    );
    assert!(output.stderr.contains(&why), "{output}");
}
