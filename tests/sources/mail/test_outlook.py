from __future__ import annotations

import struct
from base64 import encodebytes
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from compressed_rtf import compress
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_claude import extras
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.sources.mail import mapi, outlook, tnef, wrapped
from airflow_provider_claude.sources.mail.rtf import text_of_rtf
from airflow_provider_claude.sources.source import open_source
from tests.sources.compound import compound, properties, text
from tests.sources.reading import defects, rows_of

HEAD = b"From: a@x.example\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nSubject: hi\r\nMIME-Version: 1.0\r\n"
SENT = (datetime(2026, 11, 2, 9, tzinfo=UTC) - datetime(1601, 1, 1, tzinfo=UTC)).days * 864 * 10**9 + 9 * 36 * 10**9
RTF = rb"{\rtf1\ansi\ansicpg1252 Der Vertrag l\'e4uft aus.\par}"


def message(**more: Any) -> bytes:
    tree: dict[str, Any] = {
        "__properties_version1.0": properties(32, {mapi.SENT: (0x40, SENT), mapi.INTERNET_CODEPAGE: (3, 28592)}),
        **text(mapi.SUBJECT, "Zażółć"),
        **text(mapi.SENDER, "Łukasz"),
        **text(mapi.SENDER_SMTP, "lukasz@x.example"),
        "__recip_version1.0_#00000000": {
            "__properties_version1.0": properties(8, {0x0C15: (3, 1)}),
            **text(mapi.NAME, "Help"),
            **text(mapi.SMTP, "help@x.example"),
        },
        "__attach_version1.0_#00000000": {"__properties_version1.0": bytes(8), **text(mapi.FILE_NAME, "Größe.pdf")},
    }
    return compound(tree | more)


def only(path: Path, data: bytes) -> dict[str, Any]:
    path.write_bytes(data)
    (row,) = rows_of(path)
    return row


class TestMsg:
    def test_a_message_is_read_with_all_its_columns(self, tmp_path: Path) -> None:
        row = only(tmp_path / "a.msg", message(**text(mapi.BODY, "The lamp is broken.\r\n")))
        assert row["defect"] is None
        assert row["flags"] == []
        assert (row["sender"], row["recipients"]) == ("Łukasz <lukasz@x.example>", "Help <help@x.example>")
        assert (row["subject"], row["date"]) == ("Zażółć", "2026-11-02T09:00:00Z")
        assert row["body"].strip() == "The lamp is broken."
        assert row["attachments"] == '["Größe.pdf"]'

    def test_html_is_read_as_its_reader_sees_it(self, tmp_path: Path) -> None:
        html = "<p>Źle <span style='display:none'>hidden</span>działa</p>".encode("iso-8859-2").ljust(4096)
        row = only(tmp_path / "a.msg", message(**{"__substg1.0_10130102": html}))
        assert row["body"].split() == ["Źle", "działa"]
        assert row["flags"] == ["hidden_text"]

    def test_rich_text_is_read_where_there_is_no_other(self, tmp_path: Path) -> None:
        row = only(tmp_path / "a.msg", message(**{"__substg1.0_10090102": compress(RTF)}))
        assert row["body"].strip() == "Der Vertrag läuft aus."

    def test_the_headers_of_the_mail_that_came_win(self, tmp_path: Path) -> None:
        headers = "From: Bob <bob@y.example>\r\nMessage-ID: <1@y>\r\nDate: Tue, 3 Nov 2026 10:00:00 +0100\r\n"
        row = only(tmp_path / "a.msg", message(**text(mapi.HEADERS, headers), **text(mapi.BODY, "x")))
        assert (row["sender"], row["message_id"]) == ("Bob <bob@y.example>", "<1@y>")
        assert row["date"] == "2026-11-03T09:00:00Z"

    @pytest.mark.parametrize("data", [message()[:700], compound({"WordDocument": b"x"}), message()[:512] + bytes(4096)])
    def test_what_is_no_whole_message_is_set_aside(self, data: bytes, tmp_path: Path) -> None:
        (tmp_path / "a.msg").write_bytes(data)
        assert defects(rows_of(tmp_path)) == [("a.msg", "unreadable_mail")]

    def test_one_that_is_saved_as_text_is_read_as_that(self, tmp_path: Path) -> None:
        assert only(tmp_path / "a.msg", HEAD + b"\r\nhello")["body"] == "hello"

    def test_without_the_extra_it_is_refused_before_anything_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(extras._MODULES, "mail", ("there_is_no_such_module",))
        (tmp_path / "a.msg").write_bytes(message())
        with pytest.raises(JobError, match=r"\.msg.*Install 'airflow-provider-claude\[mail\]'"):
            open_source(UPath(tmp_path))


def prop(number: int, kind: int, value: bytes) -> bytes:
    if kind == 3:
        return struct.pack("<HH", kind, number) + value
    return struct.pack("<HHII", kind, number, 1, len(value)) + value + bytes(-len(value) % 4)


def attribute(level: int, number: int, data: bytes) -> bytes:
    return struct.pack("<BHHI", level, number, 6, len(data)) + data + b"\0\0"


def winmail(*props: bytes, more: bytes = b"") -> bytes:
    data = struct.pack("<I", len(props)) + b"".join(props)
    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(1, 0x9007, struct.pack("<Q", 1252))
        + attribute(1, 0x9003, data)
        + more
    )


def attached(data: bytes, kind: str = "application/ms-tnef", name: str = "winmail.dat") -> bytes:
    head = f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    return HEAD + head.encode() + encodebytes(data)


#: It ends inside its text, of which there is a beginning.
CUT = winmail(prop(mapi.BODY, mapi.TEXT, b"The lamp is not broken."))[:-14]


class TestTnef:
    @pytest.mark.parametrize(
        ("prop_", "right"),
        [
            (prop(mapi.BODY, mapi.UNICODE, "Zażółć".encode("utf-16-le")), "Zażółć"),
            (prop(mapi.BODY, mapi.TEXT, b"l\xe4uft\0"), "läuft"),
            (prop(mapi.HTML, mapi.BINARY, b"<p>l\xe4uft</p>"), "läuft"),
            (prop(mapi.RTF, mapi.BINARY, compress(RTF)), "Der Vertrag läuft aus."),
        ],
    )
    def test_its_text_is_the_body(self, prop_: bytes, right: str, tmp_path: Path) -> None:
        lead = [prop(0x0E07, 3, bytes(4)), prop(0x0037, mapi.TEXT, b"odd")]
        row = only(tmp_path / "a.eml", attached(winmail(*lead, prop_)))
        assert (row["body"].strip(), row["flags"]) == (right, [])

    def test_an_old_body_and_the_names_of_attachments_are_read(self, tmp_path: Path) -> None:
        long = struct.pack("<I", 1) + prop(mapi.FILE_NAME, mapi.UNICODE, "Größe.pdf".encode("utf-16-le"))
        one = attribute(2, 0x9002, b"") + attribute(2, 0x8010, b"GROSSE~1.PDF\0") + attribute(2, 0x9005, long)
        two = attribute(2, 0x9002, b"") + attribute(2, 0x8010, b"two.txt\0")
        row = only(tmp_path / "a.eml", attached(winmail(more=attribute(1, 0x800C, b"old\0") + one + two)))
        assert row["body"].strip() == "old"
        assert row["attachments"] == '["Größe.pdf", "two.txt"]'
        bare = only(tmp_path / "a.eml", attached(winmail(more=one + two)))
        assert (bare["attachments"], bare["flags"]) == (row["attachments"], ["no_body", "attachments_only"])

    def test_a_text_beside_it_is_the_body(self, tmp_path: Path) -> None:
        inner = attached(winmail(prop(mapi.BODY, mapi.TEXT, b"inner"))).removeprefix(HEAD)
        data = (
            HEAD
            + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nouter\r\n--b\r\n'
            + inner
            + b"\r\n--b--\r\n"
        )
        row = only(tmp_path / "a.eml", data)
        assert (row["body"].strip(), row["flags"]) == ("outer", [])

    @pytest.mark.parametrize("data", [b"", b"x" * 40, winmail(), winmail()[:30], CUT])
    def test_one_without_a_text_is_flagged(self, data: bytes, tmp_path: Path) -> None:
        row = only(tmp_path / "a.eml", attached(data))
        assert "wrapped_unread" in row["flags"]
        assert row["body"] is None

    @pytest.mark.parametrize("count", [2**31, 2**32 - 1])
    @pytest.mark.parametrize("kind", [2, 0x1002, 0x101F, 0x1E])
    def test_a_count_that_is_not_there_costs_nothing(self, count: int, kind: int) -> None:
        data = struct.pack("<IHHII", count, kind, 0x1000, count, count)
        assert tnef.entity_of(winmail(more=attribute(1, 0x9003, data))) is None

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=200), st.integers(0, 120))
    def test_nothing_in_it_raises_anything_else(self, noise: bytes, place: int) -> None:
        whole = winmail(prop(mapi.BODY, mapi.TEXT, b"inner"), prop(mapi.RTF, mapi.BINARY, compress(RTF)))
        wrapped.opened(attached(whole[:place] + noise + whole[place:]))


@pytest.fixture(scope="module")
def signer() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "anna")])
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 7, start, end)
    return built.sign(key, hashes.SHA256()), key


def signed(signer: tuple[x509.Certificate, rsa.RSAPrivateKey], entity: bytes) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(entity).add_signer(*signer, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


class TestSmime:
    ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nL\xc3\xa4mp\r\n"

    @pytest.mark.parametrize("kind", ["application/pkcs7-mime", "application/x-pkcs7-mime", "application/octet-stream"])
    def test_what_was_signed_is_the_mail(self, kind: str, signer: Any, tmp_path: Path) -> None:
        row = only(tmp_path / "a.eml", attached(signed(signer, self.ENTITY), kind, "smime.p7m"))
        assert (row["subject"], row["body"].strip(), row["flags"], row["attachments"]) == ("hi", "Lämp", [], "[]")

    def test_a_signature_in_a_signature_is_opened(self, signer: Any, tmp_path: Path) -> None:
        inner = attached(signed(signer, self.ENTITY), "application/pkcs7-mime", "smime.p7m").removeprefix(HEAD)
        row = only(tmp_path / "a.eml", attached(signed(signer, inner), "application/pkcs7-mime", "smime.p7m"))
        assert row["body"].strip() == "Lämp"

    def test_an_encrypted_one_is_flagged_and_not_read(self, signer: Any, tmp_path: Path) -> None:
        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(self.ENTITY).add_recipient(signer[0])
        data = builder.encrypt(Encoding.DER, [pkcs7.PKCS7Options.Binary])
        row = only(tmp_path / "a.eml", attached(data, "application/pkcs7-mime", "smime.p7m"))
        assert row["body"] is None
        assert "encrypted" in row["flags"]

    def test_what_pgp_encrypts_is_flagged_as_well(self, tmp_path: Path) -> None:
        part = b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nx\r\n--b--\r\n"
        pgp = b"Content-Type: multipart/encrypted; boundary=b\r\n\r\n" + part
        assert "encrypted" in only(tmp_path / "a.eml", HEAD + pgp)["flags"]

    @pytest.mark.parametrize("data", [b"", b"0" * 50, b"\x30\x80" * 5_000])
    def test_what_is_no_signature_is_flagged(self, data: bytes, tmp_path: Path) -> None:
        row = only(tmp_path / "a.eml", attached(data, "application/pkcs7-mime", "smime.p7m"))
        assert "wrapped_unread" in row["flags"]

    def test_without_the_extra_the_mail_is_set_aside_and_names_it(
        self, signer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(extras._MODULES, "mail", ("there_is_no_such_module",))
        row = only(tmp_path / "a.eml", attached(signed(signer, self.ENTITY), "application/pkcs7-mime", "smime.p7m"))
        assert "S/MIME" in row["defect"]
        assert "airflow-provider-claude[mail]" in row["defect"]


@pytest.mark.parametrize(
    "rtf",
    [
        rb"{\rtf1" + rb"{\field{\*\fldinst{HYPERLINK " * 8_000,
        rb"{\rtf1{\fonttbl" + rb"\f1 x" * 50_000,
        rb"{\rtf1" + b"{" * 200_000,
        rb"{\rtf1\pict\bin99999999999 x",
    ],
)
def test_hostile_rich_text_costs_little(rtf: bytes) -> None:
    packed = struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf
    assert len(text_of_rtf(packed)) < 200_000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 20_000))
def test_a_damaged_message_raises_nothing_but_what_says_so(noise: bytes, place: int) -> None:
    whole = message(**text(mapi.BODY, "x"))
    try:
        outlook.mail_of(whole[:place] + noise + whole[place + len(noise) :])
    except ValueError:
        return
