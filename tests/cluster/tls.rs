//! TLS to PostgreSQL and Redis, for real: an authority made by openssl, a PostgreSQL that takes nothing but `hostssl` with
//! a password, a Redis with no other port than its TLS one.

use std::{
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use foodcourt::postgres::{Database, DatabaseSettings, private::PrivatePostgres};

use crate::{
    nodes::Cluster,
    outside::Killed,
    person::{Person, delivery_order},
};

/// An address of this process's own in the loopback network, so that well-known ports are free there.
fn address() -> String {
    let pid = std::process::id();
    format!("127.{}.{}.{}", 64 + (pid >> 16) % 128, (pid >> 8) % 256, pid % 254 + 1)
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, a certificate for `address` signed by it, and another authority that signed nothing.
fn certificates(folder: &Path, address: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        openssl(folder, &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"));
    }
    openssl(folder, &format!("req {key} -keyout server.key -out server.csr -subj /CN=server"));
    std::fs::write(folder.join("san"), format!("subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\n")).unwrap();
    openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile san",
    );
}

fn postgres_program() -> PathBuf {
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = installed.map(|version| version.path().join("bin/postgres")).collect();
    programs.sort();
    programs.pop().expect("PostgreSQL is installed (apt-get install postgresql)")
}

/// A PostgreSQL that listens at `address` for TLS alone; its own account owns what it reads.
async fn postgres(folder: &Path, address: &str) -> Killed {
    let data = folder.join("database");
    let made = PrivatePostgres::start(&data, &|_| {}).await.unwrap();
    let settings = DatabaseSettings::new(made.dsn());
    let database = Database::new(&settings).unwrap();
    let mut session = database.session().await.unwrap();
    session.client().batch_execute("alter role foodcourt password 'correct horse'").await.unwrap();
    drop(session);
    made.stop().await;
    let cluster = data.join("postgres");
    let owner = std::fs::metadata(&cluster).unwrap();
    for name in ["server.key", "server.pem"] {
        let copy = cluster.join(name);
        std::fs::copy(folder.join(name), &copy).unwrap();
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o600)).unwrap();
        chown(&copy, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    std::fs::write(cluster.join("pg_hba.conf"), "hostssl all all 127.0.0.0/8 scram-sha-256\n").unwrap();
    let mut command = Command::new(postgres_program());
    command.arg("-D").arg(&cluster).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let settings = [
        format!("listen_addresses={address}"),
        "port=5432".to_owned(),
        "unix_socket_directories=".to_owned(),
        "ssl=on".to_owned(),
        "ssl_cert_file=server.pem".to_owned(),
        "ssl_key_file=server.key".to_owned(),
        "fsync=off".to_owned(),
    ];
    settings.iter().for_each(|setting| {
        command.args(["-c", setting]);
    });
    if owner.uid() != rustix::process::geteuid().as_raw() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    Killed(command.spawn().unwrap())
}

fn redis(folder: &Path, address: &str) -> Killed {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--tls-port", "6379", "--bind", address, "--save", "", "--appendonly", "no"]);
    command.args(["--tls-cert-file", "server.pem", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.pem"]);
    command.args(["--tls-auth-clients", "no", "--requirepass", "battery"]).current_dir(folder);
    Killed(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

#[actix::test]
async fn postgres_and_redis_are_spoken_to_over_tls_and_only_where_the_authority_is_known() {
    let (folder, address) = (tempfile::tempdir().unwrap(), address());
    // PostgreSQL's account has to pass.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    certificates(folder.path(), &address);
    let _postgres = postgres(folder.path(), &address).await;
    let _redis = redis(folder.path(), &address);
    let pem = |name: &str| folder.path().join(name).display().to_string();
    let (ours, others) = (pem("ca.pem"), pem("other.pem"));
    let server = format!("postgres://foodcourt:correct%20horse@{address}:5432/foodcourtdb");
    let (checked, plain) = (format!("{server}?sslmode=verify-full"), format!("{server}?sslmode=disable"));
    let redis_url = format!("rediss://:battery@{address}:6379");
    let settings = [
        ("DATABASE__URL", checked.as_str()),
        ("DATABASE__ROOT_CERTIFICATE", &ours),
        ("REDIS__URL", &redis_url),
        ("REDIS__TIMEOUT_MS", "2000"),
    ];
    // What the system trusts, as far as Redis is concerned.
    let cluster = Cluster::new(&settings).await.with_environment("SSL_CERT_FILE", &ours);

    let tried = |url: &str, authority: &str| {
        let mut command = cluster.command(&["migrate"]);
        command.env("FOODCOURT_DATABASE__URL", url).env("FOODCOURT_DATABASE__ROOT_CERTIFICATE", authority);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let up = async {
        while tried(&checked, &ours).0 != Some(0) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(crate::nodes::PATIENCE, up).await.expect("TLS with the right authority works");
    let (code, said) = tried(&checked, &others);
    assert!(code == Some(2) && said.contains("certificate"), "another authority must not do: {said}");
    let (code, said) = tried(&plain, &ours);
    assert!(code == Some(2) && said.contains("no encryption"), "the server takes nothing but TLS: {said}");
    assert!(!said.contains("horse"), "a password must not be told: {said}");

    let node = cluster.start(0).await;
    let mia = Person::sign_in(&node.url(""), "customer@demo").await;
    let order = delivery_order(&mia, &node.url("")).await;
    let placed = mia.once(&node.url(""), "/v1/orders", "over-tls", &order).await.good();
    let key = format!("foodcourt:order:{}", placed["order_id"].as_str().unwrap());
    let cached = async {
        loop {
            let mut asked = Command::new("redis-cli");
            asked.args([
                "-h",
                &address,
                "--tls",
                "--cacert",
                &ours,
                "--no-auth-warning",
                "-a",
                "battery",
                "exists",
                &key,
            ]);
            if asked.output().unwrap().stdout == b"1\n" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let came = tokio::time::timeout(crate::nodes::PATIENCE, cached).await;
    assert!(came.is_ok(), "the cache over TLS stays empty: {}", cluster.log());
    node.terminate();
    assert_eq!(node.ended().await, Some(0), "{}", cluster.log());
    let log = cluster.log();
    assert!(!log.contains("horse") && !log.contains("battery"), "a password is in the log");
}
