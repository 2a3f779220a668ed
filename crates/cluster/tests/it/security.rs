//! Who may listen, and who may join.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use raskt_cluster::{
    Address, BindError, Client, ConnectError, ConnectOptions, SchedulerFile, SchedulerHandle,
    SchedulerOptions, SchedulerServer, Secret, Security, TlsError, TlsFiles, WorkerOptions,
    WorkerServer,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::host::{Words, compute};

fn start(address: &str, security: Security) -> Result<SchedulerHandle, BindError> {
    let addresses = vec![address.parse().unwrap()];
    SchedulerServer::start(SchedulerOptions { addresses, security, ..Default::default() })
}

fn connect(address: &Address, security: Security) -> Result<Client, ConnectError> {
    let timeout = Duration::from_secs(10);
    Client::connect(address, ConnectOptions { security, timeout, ..Default::default() })
}

#[test]
fn other_machines_are_not_listened_to_without_a_secret_or_certificates() {
    let error = start("tcp://0.0.0.0:0", Security::default()).err().unwrap();
    assert!(matches!(error, BindError::Open { .. }));
    assert!(error.to_string().contains("scheduler file"), "{error}");
    let error = start("tls://127.0.0.1:0", Security::default()).err().unwrap();
    assert!(matches!(error, BindError::Tls(TlsError::NoFiles(_))), "{error}");
}

#[test]
fn a_port_in_use_is_named() {
    let first = start("tcp://127.0.0.1:0", Security::default()).unwrap();
    let address = first.address().to_string();
    let error = start(&address, Security::default()).err().unwrap();
    let port = first.address().port().unwrap();
    assert!(matches!(error, BindError::InUse { port: p, .. } if p == port), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[test]
fn only_who_knows_the_secret_joins() {
    let secret = Secret::random();
    let security = Security::with_secret(secret.clone());
    let scheduler = start("tcp://0.0.0.0:0", security.clone()).unwrap();
    let port = scheduler.address().port().unwrap();
    let address = Address::Tcp { host: "127.0.0.1".to_string(), port };
    let error = connect(&address, Security::default()).err().unwrap();
    assert!(matches!(error, ConnectError::SecretNeeded { .. }), "{error}");
    let error = connect(&address, Security::with_secret(Secret::random())).err().unwrap();
    assert!(matches!(error, ConnectError::SecretWrong { .. }), "{error}");
    let options = WorkerOptions {
        scheduler: address.clone(),
        security: security.clone(),
        ..Default::default()
    };
    let _worker = WorkerServer::start(options, Arc::new(Words::default())).unwrap();
    let client = connect(&address, security).unwrap();
    assert_eq!(compute(&client, "a", "zeros 100000").len(), 100_000);
}

#[test]
fn a_scheduler_file_leads_to_a_scheduler_and_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scheduler.json");
    let scheduler = SchedulerServer::start(SchedulerOptions {
        addresses: vec!["tcp://0.0.0.0:0".parse().unwrap()],
        scheduler_file: Some(path.clone()),
        ..Default::default()
    })
    .unwrap();
    let file = SchedulerFile::read(&path).unwrap();
    assert!(file.secret.is_some());
    let (address, security) = file.resolve(Security::default()).unwrap();
    let address = Address::Tcp { host: "127.0.0.1".to_string(), port: address.port().unwrap() };
    assert_eq!(connect(&address, security).unwrap().scheduler(), scheduler.id());
    assert!(connect(&address, Security::default()).is_err());
    scheduler.close("the test is over");
    scheduler.wait(None).unwrap();
    assert!(!path.exists());
}

/// An authority, and files with a certificate that it signed.
fn authority(folder: &Path) -> TlsFiles {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["raskt".to_string()]).unwrap();
    let own = own.signed_by(&own_key, &issuer).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    TlsFiles {
        authority: write("ca.pem", authority.pem()),
        certificate: write("cert.pem", own.pem()),
        key: write("key.pem", own_key.serialize_pem()),
    }
}

#[test]
fn with_certificates_only_those_of_the_authority_join() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let security = Security::with_tls(&authority(ours.path())).unwrap();
    let scheduler = start("tls://127.0.0.1:0", security.clone()).unwrap();
    let options = WorkerOptions {
        scheduler: scheduler.address().clone(),
        security: security.clone(),
        ..Default::default()
    };
    let worker = WorkerServer::start(options, Arc::new(Words::default())).unwrap();
    assert!(worker.address().starts_with("tls://"));
    let client = connect(scheduler.address(), security).unwrap();
    assert_eq!(compute(&client, "a", "zeros 3000000").len(), 3_000_000);
    let stranger = Security::with_tls(&authority(theirs.path())).unwrap();
    let error = connect(scheduler.address(), stranger).err().unwrap();
    assert!(matches!(error, ConnectError::Tls(_)), "{error}");
    let plain = scheduler.address().to_string().replace("tls", "tcp").parse().unwrap();
    let error = connect(&plain, Security::default()).err().unwrap();
    assert!(matches!(error, ConnectError::NotOurs { .. } | ConnectError::Link { .. }), "{error}");
}

#[test]
fn a_certificate_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = authority(folder.path());
    files.key = folder.path().join("missing.pem");
    let error = Security::with_tls(&files).unwrap_err();
    assert!(error.to_string().contains("missing.pem"), "{error}");
}
