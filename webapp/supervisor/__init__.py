"""The process supervisor behind `manage.py up`: starts every part in order, keeps it alive, stops it without a trace."""
