"""What the report and the playground share: how a page is put together, its constants, its engine, and what it draws with."""

from .constants import constants
from .parts import engine_script, fill, joined, json_text, page_text, write_page

__all__ = ["constants", "engine_script", "fill", "joined", "json_text", "page_text", "write_page"]
