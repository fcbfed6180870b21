"""Opaque S/MIME: the mail is inside its own signature, readable by all, or it is encrypted. (RFC 8551)

Signatures are not verified: the sender of a mail may write anything in it, signed or not.
"""

from __future__ import annotations

from airflow_provider_claude.extras import need


class EncryptedError(Exception):
    """It is encrypted."""


def signed_entity(data: bytes) -> bytes | None:
    """The MIME entity that was signed; None where it is not in *data*.

    Raises EncryptedError, ValueError where *data* is no such structure, and JobError without the extra `mail`.
    """
    need("mail", "An opaque S/MIME signature, which the text of a mail is in,")
    from asn1crypto.cms import ContentInfo

    found = ContentInfo.load(data)
    match found["content_type"].native:
        case "signed_data":
            content = found["content"]["encap_content_info"]["content"].native
            return content if isinstance(content, bytes) else None
        case "enveloped_data" | "encrypted_data" | "authenticated_enveloped_data" | "signed_and_enveloped_data":
            raise EncryptedError
        case _:
            return None
