"""Text as octets: alphabets, segments, transliteration."""
