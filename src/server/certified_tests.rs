//! Keys and certificates of kinds that kubectl takes: those that work here do, the others are told by their kind.

use super::certified::{Wrong, certified};

const P521_SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MIHcAgEBBEIBK2CXK8V2grzCLhL5KJ1A4eJNXM255nnwkMZv853ilXjf5ZwWm8B9
FzIrwr058SKOzSUVh6xTN7Q1sQgm4HDt22egBwYFK4EEACOhgYkDgYYABADBi4M2
Kq0I1w+AToepfyY2Wzwq1VVgg1d4jqyUqEeAQA3Zj25MLQel0mVHcJARfXIiLnfj
Kxc1pS5eSFLVvE6+sgDf2B/FU2qVNbC6sqXPOLAgbOEBVzsUzjpVn61jHDvoSvaK
1hdH7I++5MugtAw2cni/cKrnJeDlXoL75r1YfrDIYA==
-----END EC PRIVATE KEY-----
";

const P521: &str = "-----BEGIN PRIVATE KEY-----
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBK2CXK8V2grzCLhL5
KJ1A4eJNXM255nnwkMZv853ilXjf5ZwWm8B9FzIrwr058SKOzSUVh6xTN7Q1sQgm
4HDt22ehgYkDgYYABADBi4M2Kq0I1w+AToepfyY2Wzwq1VVgg1d4jqyUqEeAQA3Z
j25MLQel0mVHcJARfXIiLnfjKxc1pS5eSFLVvE6+sgDf2B/FU2qVNbC6sqXPOLAg
bOEBVzsUzjpVn61jHDvoSvaK1hdH7I++5MugtAw2cni/cKrnJeDlXoL75r1YfrDI
YA==
-----END PRIVATE KEY-----
";

const RSA1024_PKCS1: &str = "-----BEGIN RSA PRIVATE KEY-----
MIICXQIBAAKBgQCfMgegrKT5SQQDp/U4gYimnNIqBqshvGtpTrSuVCxA/cfcOIt7
2MJ7Ssrn6PKBeh2NpGMSsLeBgFiWjBkkzFWhSsb+GIQR1ZElkP/gFaWU13lLT+u6
simGXNvrQTui2oNB5JbKiC/zcHyNzdh4qZEhHs0b2yGvrNb7yw4CEREoLQIDAQAB
AoGAW3XO1AzcKyw71i3kwLYK4E4woFx8bUFnJHVHcPCDDEPBU1BZMqnx8guiT2KS
ELkryXisQsysYQZv3u5Wc8HBX6UvYtA3CVr5QeZ8bonL8z1C1B+9XQEWlAoL6Nqf
YZ0x3tlOl7PcmJ9fN07L9wU3uWvSavkxaK+p33lITk1M14ECQQDMNKza7BZIzL6m
vNimC/EDJMEUnFWu+lLkdrUJk4keVbK1Q5D8Pud80GNpKUVJmLOvtbwjZagBiA4s
2zv7Gvs5AkEAx5LHmihijmiNwNpexpWpiE1ZxwIR8BhnHLB4xu0DwaXgQ1T1YC41
SmctXwhPn7o2F6DxDt6Hihx8FB+hXBRwlQJAQW1nLMWT5kNjmnzLVXhiAkXWb0of
0e52fKjkHGte9Y8zsQwy+f8VoFIMZ/dHMetxNw0deKHrkIINOKYNs8jTUQJBALls
4+2UVjXQaNxlSCekSFbu31oqzzXPxoX+ZMkW0CWtE9gbaLyLUlIl2R7x3uEeJ0H+
89oH4dDttE8SMF8YUp0CQQCltWhHKA4wc3HxnQzNjXg/USFhX6SnBtsocWKKBsJ7
muaamhEAuZMPS+39v21ov+hHfAQhgJJnquO/QxwoqmC3
-----END RSA PRIVATE KEY-----
";

const RSA1024: &str = "-----BEGIN PRIVATE KEY-----
MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAJ8yB6CspPlJBAOn
9TiBiKac0ioGqyG8a2lOtK5ULED9x9w4i3vYwntKyufo8oF6HY2kYxKwt4GAWJaM
GSTMVaFKxv4YhBHVkSWQ/+AVpZTXeUtP67qyKYZc2+tBO6Lag0HklsqIL/NwfI3N
2HipkSEezRvbIa+s1vvLDgIRESgtAgMBAAECgYBbdc7UDNwrLDvWLeTAtgrgTjCg
XHxtQWckdUdw8IMMQ8FTUFkyqfHyC6JPYpIQuSvJeKxCzKxhBm/e7lZzwcFfpS9i
0DcJWvlB5nxuicvzPULUH71dARaUCgvo2p9hnTHe2U6Xs9yYn183Tsv3BTe5a9Jq
+TFor6nfeUhOTUzXgQJBAMw0rNrsFkjMvqa82KYL8QMkwRScVa76UuR2tQmTiR5V
srVDkPw+53zQY2kpRUmYs6+1vCNlqAGIDizbO/sa+zkCQQDHkseaKGKOaI3A2l7G
lamITVnHAhHwGGccsHjG7QPBpeBDVPVgLjVKZy1fCE+fujYXoPEO3oeKHHwUH6Fc
FHCVAkBBbWcsxZPmQ2OafMtVeGICRdZvSh/R7nZ8qOQca171jzOxDDL5/xWgUgxn
90cx63E3DR14oeuQgg04pg2zyNNRAkEAuWzj7ZRWNdBo3GVIJ6RIVu7fWirPNc/G
hf5kyRbQJa0T2BtovItSUiXZHvHe4R4nQf7z2gfh0O20TxIwXxhSnQJBAKW1aEco
DjBzcfGdDM2NeD9RIWFfpKcG2yhxYooGwnua5pqaEQC5kw9L7f2/bWi/6Ed8BCGA
kmeq479DHCiqYLc=
-----END PRIVATE KEY-----
";

const ED448: &str = "-----BEGIN PRIVATE KEY-----
MEcCAQAwBQYDK2VxBDsEObMqHREKXGPeXddGxu+1Mm66YmjNZt+Ge8OsSWsb7hhd
bEMYahGZcvd7AkO2D93gPABuP6VgBdtCxg==
-----END PRIVATE KEY-----
";

const SECP256K1: &str = "-----BEGIN EC PRIVATE KEY-----
MHQCAQEEIGgfWDkJN5Rjf/fX9ZopD2DLU28GczThwZmoP2Xps1y8oAcGBSuBBAAK
oUQDQgAEqUayYwMbc1pIIABMo38QRCaPol41cxLLEhRrWiI9SJ1fj/i6G0SJqSVr
cDCRSK6Dgm0IoNyl+0EnRYSgdqbCJw==
-----END EC PRIVATE KEY-----
";

const P256: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6EkWVISVyNh2nz/w
iQUY4XBovp8gQhLbfY8JhM/819ahRANCAAQl/YKOnr2byoXhJ/4V/2EnJxUYYvO8
KBLBr+LzrGt0cPbvbXeUr7CyOGCFZ80E40QsFN6dKXtK+HT3oUSke9Zp
-----END PRIVATE KEY-----
";

const OTHER: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyVyOlE1aItA1/kBH
LowukVK0K2KUJe7Q0OWwrNEOuD2hRANCAATJWZMGHoJgLL0t6GPNghhGjo68RKSA
c/x+07Th/NGjFdcq0a25mVVjoXyyNikZVkSXUnD7FZqFqJbZ/Pr/65f1
-----END PRIVATE KEY-----
";

const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBHTCBwwIUBavBSMQagoAHB5q6SQerCjI/HXswCgYIKoZIzj0EAwIwEDEOMAwG
A1UEAwwFYWxpY2UwIBcNMjYxMTI1MjMwNjI2WhgPMjEyNjExMDEyMzA2MjZaMBAx
DjAMBgNVBAMMBWFsaWNlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJf2Cjp69
m8qF4Sf+Ff9hJycVGGLzvCgSwa/i86xrdHD27213lK+wsjhghWfNBONELBTenSl7
Svh096FEpHvWaTAKBggqhkjOPQQDAgNJADBGAiEAhYXoh6CAAJi1ywtASKPn7Hgo
bY7XB1HubZ8p5WhKad0CIQC/fgdqXAJBpZPxwZly5qkDW6zvDB0+5KbSgcpaKVNC
hg==
-----END CERTIFICATE-----
";

fn wrong(certificate: &str, key: &str) -> (String, String) {
    let found = certified(certificate.as_bytes(), key.as_bytes());
    match found.map(drop).expect_err("it cannot be used") {
        Wrong::Kind(why, next) => (why, next.to_owned()),
        Wrong::Key(why) => (why, String::new()),
        Wrong::Certificate(why) => (why.to_owned(), String::new()),
        Wrong::Pair => ("no pair".to_owned(), String::new()),
    }
}

#[test]
fn a_key_of_a_kind_that_is_not_supported_is_told_by_its_kind_with_the_way_out() {
    for (key, kind) in [
        (P521, "an ECDSA key on P-521"),
        (P521_SEC1, "an ECDSA key on P-521"),
        (SECP256K1, "an ECDSA key on secp256k1"),
        (RSA1024, "an RSA key of 1024 bits"),
        (RSA1024_PKCS1, "an RSA key of 1024 bits"),
        (ED448, "an Ed448 key"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "an OpenSSH key",
        ),
    ] {
        let (why, next) = wrong(VERSION_1, key);
        assert_eq!(why, format!("it is {kind}, which is not supported here"));
        assert!(next.contains("ECDSA on P-256"), "{next}");
        assert!(next.contains("openssl req -new"), "{next}");
    }
}

/// Shown to the server as it is: what it makes of it is the server's.
#[test]
fn a_certificate_of_version_1_is_taken() {
    let found = certified(VERSION_1.as_bytes(), P256.as_bytes());
    assert!(found.is_ok_and(|found| found.cert.len() == 1));
    assert_eq!(wrong(VERSION_1, OTHER).0, "no pair");
}

#[test]
fn the_line_ends_of_windows_change_nothing() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let found = certified(crlf(VERSION_1).as_bytes(), crlf(P256).as_bytes());
    assert!(found.is_ok_and(|found| found.cert.len() == 1));
    assert_eq!(
        wrong(&crlf(VERSION_1), &crlf(ED448)),
        wrong(VERSION_1, ED448)
    );
}

#[test]
fn a_key_that_is_cut_off_is_no_kind() {
    let cut = P256.replace("MIGH", "MIGI");
    let (why, _) = wrong(VERSION_1, &cut);
    assert!(!why.contains("kind") && !why.is_empty(), "{why}");
}
