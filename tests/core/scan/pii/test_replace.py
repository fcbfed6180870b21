from __future__ import annotations

import random
import re
import time
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_claude.core.scan.pii.hits import Hit, without_overlap
from airflow_provider_claude.core.scan.pii.redaction import KINDS
from airflow_provider_claude.core.scan.pii.replace import TOKEN, Redacted, Redactor
from airflow_provider_claude.errors import JobError

KEY = b"k" * 32


def redact(*texts: str | None, kinds: tuple[str, ...] = tuple(KINDS), region: str | None = "US") -> Redacted:
    return Redactor(kinds=kinds, key=KEY, region=region).redact(pa.array(texts, pa.string()))


def values(text: str, kind: str, region: str | None = "US") -> list[str]:
    return [pair.value for pair in redact(text, region=region).pairs if pair.kind == kind]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Write to Bob.Smith+x@Example.com.", "bob.smith+x@example.com"),
        ("<mailto:z@q.de>", "z@q.de"),
        ("?email=foo%40bar.org&x=1", "foo@bar.org"),
        ("josé.pérez@exämple.de", "josé.pérez@exämple.de"),
        ("联系bob@x.com谢谢", "bob@x.com"),
        ("(o'brien@x.co.uk)", "o'brien@x.co.uk"),
        ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
    ],
)
def test_addresses_are_found_as_people_write_them(text: str, value: str) -> None:
    assert values(text, "email") == [value]


@pytest.mark.parametrize("text", ["@handle", "foo @ bar.com", "a@b", "10:30@work", "@x.com", "...@x.com"])
def test_what_is_no_address_stays(text: str) -> None:
    assert values(text, "email") == []


@pytest.mark.parametrize(
    ("text", "region", "value"),
    [
        ("Call (415) 555-2671 now", "US", "+14155552671"),
        ("415.555.2671", "US", "+14155552671"),
        ("1-415-555-2671", "US", "+14155552671"),
        ("tel 4155552671", "US", "+14155552671"),
        ("In 2024 415-555-2671", "US", "+14155552671"),
        ("+49 30 901820", None, "+4930901820"),
        ("00 49 30 901820", None, "+4930901820"),
        ("(030) 901820", "DE", "+4930901820"),
        ("0172/1234567", "DE", "+491721234567"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("Tel: 01 8832063", None, "018832063"),
    ],
)
def test_phone_numbers_are_found_where_they_can_be_recognised(text: str, region: str | None, value: str) -> None:
    assert values(text, "phone", region) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Order 4155552671",
        "415-555-2671-99",
        "id=4155552671",
        "$4,155,552,671.00",
        "08/31/1995 2024-05-06 10.10.2024 12:30",
        "192.168.100.12 and 10.0.0.1",
        "lat 52.5200066, 13.4049540",
        "1Z999AA10123456784 and 9400 1000 0000 0000 0000 00",
        "978-3-16-148410-0",
        "+1 000 000 0000",
        "epoch 1700000000000",
    ],
)
def test_other_numbers_are_no_phone_numbers(text: str) -> None:
    assert redact(text).texts.to_pylist() == [text]


@pytest.mark.parametrize("region", ["DE", "FR", "GB"])
def test_dates_are_no_phone_numbers_where_numbers_begin_with_a_zero(region: str) -> None:
    assert values("03.04.2024 um 12 Uhr, 03.04.2024 15:00, 2024-03-04, 01/02/2024", "phone", region) == []


def test_without_a_region_only_numbers_that_name_their_country_are_phone_numbers() -> None:
    assert values("(415) 555-2671 and +1 415 555 2671", "phone", None) == ["+14155552671"]


@pytest.mark.parametrize(
    "number",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
    ],
)
def test_cards_are_found_by_range_length_and_checksum(number: str) -> None:
    digits = re.sub(r"\D", "", number)
    assert values(f"card {number}.", "card") == [digits]
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert values(f"card {wrong}.", "card") == []


@pytest.mark.parametrize("text", ["4006381333931", "4111 1111 1111 11112", "x4111111111111111", "9999999999999995"])
def test_barcodes_and_longer_numbers_are_no_cards(text: str) -> None:
    assert values(text, "card") == []


def test_a_card_after_a_year_is_found() -> None:
    assert values("2024 4111 1111 1111 1111", "card") == ["4111111111111111"]


def test_ibans_are_found_by_checksum_and_length_even_before_a_word() -> None:
    text = "DE89 3704 0044 0532 0130 00 and gb29nwbk60161331926819, not DE88 3704 0044 0532 0130 00"
    assert values(text, "iban") == ["DE89370400440532013000", "GB29NWBK60161331926819"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("536-90-4399", "536904399"),
        ("My SSN is 536904399", "536904399"),
        ("SIN: 130 692 544", "130692544"),
        ("12345678Z", "12345678Z"),
        ("RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        ("756.9217.0769.85", "7569217076985"),
        ("BSN 111222333", "111222333"),
        ("390.533.447-05", "39053344705"),
        ("811228-9874", "8112289874"),
        ("131052-308T", "131052308T"),
        ("PESEL 44051401359", "44051401359"),
        ("Aadhaar 2341 2341 2346", "234123412346"),
    ],
)
def test_national_ids_are_found_by_checksum_shape_or_name(text: str, value: str) -> None:
    assert values(text, "national_id") == [value]


@pytest.mark.parametrize(
    "text",
    ["000-12-3456", "536904399", "12345678A", "RSSMRA85T10A562T", "756.9217.0769.84", "111222333", "2341 2341 2346"],
)
def test_what_fails_its_checksum_or_has_no_name_is_no_id(text: str) -> None:
    assert values(text, "national_id") == []


def test_only_the_ids_of_the_countries_asked_for_are_looked_for() -> None:
    texts = pa.array(["536-90-4399 and 12345678Z"])
    redactor = Redactor(kinds=("national_id",), key=KEY, countries=("ES",))
    assert [pair.value for pair in redactor.redact(texts).pairs] == ["12345678Z"]


SECRETS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "glpat-" + "x1" * 10,
    "sk-ant-api03-" + "xY1" * 20,
    "sk_live_" + "a1" * 12,
    "AIza" + "Sy1" * 11 + "ab",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "xoxb-123456-7890-abcdefg",
    "https://hooks.slack.com/services/T123/B123/abcdef",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\ndef==\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,1A\n\nMII\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_keys_are_replaced_whole(secret: str) -> None:
    (text,) = redact(f"It is {secret} as said").texts.to_pylist()
    assert re.fullmatch(r"It is \[SECRET-[0-9a-f]{16}\] as said", text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("your password is hunter22!", "your password is {}!"),
        ("pwd=Tr0ub4dor&3 then", "pwd={} then"),
        ("postgres://bob:s3cr3tpw@db:5432/x", "postgres://bob:{}@db:5432/x"),
        ("Authorization: Bearer a1b2c3d4e5", "Authorization: Bearer {}"),
    ],
)
def test_passwords_that_are_reported_are_replaced(text: str, kept: str) -> None:
    assert re.sub(TOKEN, "{}", redact(text).texts[0].as_py()) == kept


def test_of_a_long_value_that_is_reported_nothing_stays() -> None:
    (text,) = redact("api_key=" + "a1B2" * 200).texts.to_pylist()
    assert re.fullmatch(r"api_key=\[SECRET-[0-9a-f]{16}\]", text)


@pytest.mark.parametrize("text", ["Password: please reset it", "the secret is patience", "a password is required"])
def test_talk_of_passwords_is_none(text: str) -> None:
    assert redact(text).texts.to_pylist() == [text]


def test_the_same_value_has_one_token_however_it_is_written_and_wherever_it_stands() -> None:
    texts = redact("BOB@x.com", "bob@X.com", "(415) 555-2671", "+1 415 555 2671").texts.to_pylist()
    assert texts[0] == texts[1] != texts[2] == texts[3]
    assert redact("and bob@x.com").texts[0].as_py() == f"and {texts[0]}"


def test_another_key_gives_other_tokens() -> None:
    texts = pa.array(["bob@x.com"])
    assert Redactor(kinds=("email",), key=b"o" * 32).redact(texts).texts != redact("bob@x.com").texts


def test_a_forged_token_is_replaced_too() -> None:
    (honest,) = redact("bob@x.com").texts.to_pylist()
    redacted = redact(f"I am {honest}")
    assert re.fullmatch(r"I am \[TOKEN-[0-9a-f]{16}\]", redacted.texts[0].as_py())
    assert redacted.pairs[0].value == honest


def test_it_tells_rows_counts_and_distinct_pairs() -> None:
    redacted = redact("nothing", "a@x.com a@x.com", None, "b@x.com 4111111111111111")
    assert redacted.found == {"email": [1, 3], "card": [3]}
    assert redacted.counts == {"email": 3, "card": 1}
    assert [pair.value for pair in redacted.pairs] == ["a@x.com", "b@x.com", "4111111111111111"]
    assert redacted.texts.to_pylist()[::2] == ["nothing", None]


def test_of_what_overlaps_the_longest_is_whole_and_the_others_have_what_is_left_of_them() -> None:
    hits = [Hit(0, 4, "a"), Hit(2, 9, "b"), Hit(9, 12, "c"), Hit(11, 13, "d"), Hit(3, 5, "inside"), Hit(20, 21, "e")]
    assert [hit[:3] for hit in without_overlap(hits)] == [
        (0, 2, "a"),
        (2, 9, "b"),
        (9, 12, "c"),
        (12, 13, "d"),
        (20, 21, "e"),
    ]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=20))
def test_what_is_kept_never_overlaps_and_leaves_no_character_of_a_find(spans: list[tuple[int, int]]) -> None:
    hits = [Hit(start, start + size, "") for start, size in spans]
    kept = without_overlap(hits)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    assert _characters(kept) == _characters(hits)


def _characters(hits: list[Hit]) -> set[int]:
    return {place for hit in hits for place in range(hit.start, hit.end)}


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("call 415-555-2671 4111 1111 1111 1111", "call [PHONE][CARD][CARD]"),
        ("+49 30 4111 1111 1111 1111", "[PHONE][CARD]"),
    ],
)
def test_no_digit_of_numbers_that_share_some_stays(text: str, shape: str) -> None:
    assert re.sub(r"-[0-9a-f]{16}\]", "]", redact(text).texts[0].as_py()) == shape


@given(st.lists(st.text(alphabet="a@.%40+1(5) -\n:/\ufdd0\ufdd1sk=é谢", max_size=60), max_size=4))
def test_putting_the_spellings_back_gives_the_text(texts: list[str]) -> None:
    redacted = redact(*texts)
    for before, after in zip(texts, redacted.texts.to_pylist(), strict=True):
        pieces = [re.escape(piece) for piece in re.split(TOKEN, after)]
        assert re.fullmatch(".+?".join(pieces), before, re.DOTALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"kinds": ("name",)}, "'name'; there are email"), ({"kinds": ("phone",), "region": "XX"}, "'XX'")],
)
def test_what_it_does_not_know_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(JobError, match=message):
        Redactor(key=KEY, **options)  # type: ignore[arg-type]
    with pytest.raises(JobError, match="'XX'"):
        Redactor(kinds=("national_id",), key=KEY, countries=("XX",))


HOSTILE = {
    "numbers": " ".join(str(random.Random(1).randint(10, 99)) for _ in range(7_000)),
    "half keys": "eyJ" * 7_000 + ".a eyJaaaaaaaaa.bbbbbbbbb.c",
    "half addresses": "a@a.a.a." * 2_500,
    "ats": "@" * 20_000,
    "logins": "://a:" * 4_000 + "x@",
    "beginnings": "-----BEGIN RSA PRIVATE KEY-----" * 600,
    "digits": "4" * 20_000,
    "almost": "DE89 " * 4_000,
    "labels": "ssn " * 5_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_takes_long(text: str) -> None:
    redact("+1 415 555 2671 sk-a")
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 5


def test_reviews_and_honest_mail_are_left_alone(shared_data: Path) -> None:
    """Every find among 18,383 reviews was looked at: two addresses, and a password in a link, twice."""
    texts = pq.read_table(shared_data / "sentiment.parquet", columns=["text"])["text"].combine_chunks()
    redacted = redact_all(texts)
    assert redacted.counts == {"email": 2, "secret": 2}


def redact_all(texts: pa.Array) -> Redacted:
    return Redactor(kinds=tuple(KINDS), key=KEY, region="US").redact(pc.cast(texts, pa.string()))


@pytest.mark.parametrize("gap", ["\xa0", "\u202f", "\u2009", "\u2011", "\u2013"])
def test_numbers_are_found_whatever_spaces_and_hyphens_they_are_written_with(gap: str) -> None:
    numbers = {
        "card": ("4111 1111 1111 1111", "4111111111111111"),
        "iban": ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        "phone": ("+1 415 555 2671", "+14155552671"),
    }
    for kind, (written, value) in numbers.items():
        text = f"é {written.replace(' ', gap)}, ok"
        assert values(text, kind) == [value]
        assert redact(text).texts[0].as_py() == f"é {redact(text).pairs[0].token}, ok"


@pytest.mark.parametrize("zero", ["０", "٠", "\U0001d7ce"])
def test_numbers_are_found_in_the_digits_of_any_script(zero: str) -> None:
    digits = {ord(str(n)): chr(ord(zero) + n) for n in range(10)}
    assert values("card 4111111111111111 ok".translate(digits), "card") == ["4111111111111111"]


def test_what_is_not_replaced_keeps_its_spaces_and_digits() -> None:
    text = "a\xa0b\u2013c ٣ and bob@x.com"
    redacted = redact(text)
    assert redacted.texts[0].as_py() == text.replace("bob@x.com", redacted.pairs[0].token)
