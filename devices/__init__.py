"""Devices: the phones that a person has registered for push notifications."""
