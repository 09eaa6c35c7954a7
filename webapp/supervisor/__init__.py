"""The process supervisor behind `manage.py up`: starts every part, keeps it alive, stops it without a trace."""
