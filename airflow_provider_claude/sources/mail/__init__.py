"""Readers of mail: messages, mailboxes, Outlook, wrapped parts."""
