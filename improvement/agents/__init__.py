"""Programs that edit a working copy: what they are asked, what they may reach, and what they leave."""
