"""An order desk: orders come in as text, are priced, and leave as invoices.

A program to point a profiler at. Guess from `service.py` where its time goes, then look.
"""
