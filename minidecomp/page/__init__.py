"""What the report and the playground share: the parts of a page, its constants, its engine and its drawings."""

from .constants import constants
from .parts import engine_script, fill, joined, json_text, page_text, write_page

__all__ = ["constants", "engine_script", "fill", "joined", "json_text", "page_text", "write_page"]
