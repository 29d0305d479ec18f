//! Words that no language has: hashes, tokens, identifiers. Random text gives itself away by how often it changes between letters
//! and digits, small and capital, and by pairs of letters that words do not contain.

use super::mask::Mask;

/// Shortest word of letters alone that is looked at as a random one; shorter ones tell too little.
pub(super) const MIN_GIBBERISH: usize = 8;
/// Longer than the words of any language on a page (compound nouns reach 40).
const MAX_WORD: usize = 45;
/// Pairs of letters that make up at least 0.15 % of the pairs in the words of one of 29 European languages, by first letter: 372 of
/// 676. Counted in the translations of common free programs. Of words with 12 letters and more hardly one in a thousand has 30 % other
/// pairs, of random ones four in five.
const PAIRS: [&[u8]; 26] = [
    b"abcdfghijklmnoprstuvwyz",
    b"aehiloru",
    b"acehijklorstuyz",
    b"aehilnoprstuyz",
    b"abcdefghijklmnoprstuvwxyz",
    b"aefhilot",
    b"aceghinorstuy",
    b"adefilnortu",
    b"abcdefghijklmnopqrstuvxyz",
    b"aeilnosu",
    b"aehijklnorstuy",
    b"adeghijklmnostuvy",
    b"abehijlmnopsuy",
    b"acdefghijklmnostuyz",
    b"abcdefghijklmnoprstuvwz",
    b"aehiloprstu",
    b"u",
    b"abcdegijklmnorstuvwyz",
    b"acefhijklnopstuyz",
    b"aehiklnorstuvyz",
    b"abcdefgijklmnoprstuvyz",
    b"aeilnoruy",
    b"aeinosy",
    b"eitx",
    b"acehijklmnopstwy",
    b"aeinostuvwyz",
];
const COMMON: [u32; 26] = common();

const fn common() -> [u32; 26] {
    let mut common = [0; 26];
    let mut first = 0;
    while first < 26 {
        let mut next = 0;
        while next < PAIRS[first].len() {
            common[first] |= 1 << (PAIRS[first][next] - b'a');
            next += 1;
        }
        first += 1;
    }
    common
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Digit,
    Upper,
    Lower,
}

/// What a word is made of. A *piece* is what a reader would see as one part of it: `i`, `Phone`, `15`, `Pro`.
#[derive(Default)]
struct Word {
    chars: usize,
    digits: usize,
    digit_groups: usize,
    upper: usize,
    pieces: usize,
    not_hex: usize,
    pairs: usize,
    rare_pairs: usize,
}

/// What the words of a text give away, if anything.
pub(super) fn mask(text: &str) -> Option<Mask> {
    let (mut words, mut mixed) = (0, 0);
    // The lengths of the latest words that are hexadecimal, the newest in the lowest byte; 0 for another word.
    let mut hex_lengths: u64 = 0;
    for word in text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let is_json_web_token = word.starts_with("eyJ") && word.len() >= 10;
        let (text, word) = (word, Word::new(word));
        if word.is_enclosed_number(text) {
            return Some(Mask::Id);
        }
        if is_json_web_token || word.is_random() {
            return Some(Mask::Token);
        }
        let hex_length = if word.not_hex == 0 { word.chars.min(255) as u64 } else { 0 };
        hex_lengths = hex_lengths << 8 | hex_length;
        if is_uuid(hex_lengths) || is_mac(hex_lengths) {
            return Some(Mask::Id);
        }
        words += 1;
        mixed += usize::from(word.digits > 0 && word.digits < word.chars);
    }
    // Licence keys and vouchers: X7K2-9QLM-3RTV
    (mixed >= 3 && mixed * 4 >= words * 3).then_some(Mask::Token)
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562).
fn is_uuid(hex_lengths: u64) -> bool {
    hex_lengths & 0xFF_FFFF_FFFF == 0x08_0404_040C
}

/// Six pairs of hexadecimal digits.
fn is_mac(hex_lengths: u64) -> bool {
    hex_lengths & 0xFFFF_FFFF_FFFF == 0x0202_0202_0202
}

impl Word {
    fn new(text: &str) -> Self {
        let mut word = Self::default();
        let mut before: Option<(char, Class, usize)> = None;
        for char in text.chars() {
            let class = if char.is_numeric() {
                Class::Digit
            } else if char.is_uppercase() {
                Class::Upper
            } else {
                Class::Lower
            };
            let run = before.filter(|&(_, same, _)| same == class).map_or(1, |(_, _, run)| run + 1);
            word.add(char, class, before);
            before = Some((char, class, run));
        }
        word
    }

    fn add(&mut self, char: char, class: Class, before: Option<(char, Class, usize)>) {
        self.chars += 1;
        self.not_hex += usize::from(!char.is_ascii_hexdigit());
        self.digits += usize::from(class == Class::Digit);
        self.upper += usize::from(class == Class::Upper);
        let (last, last_class, run) = before.unwrap_or((char, Class::Lower, 0));
        if run == 0 || last_class != class {
            self.digit_groups += usize::from(class == Class::Digit);
            // One capital begins a piece together with the small letters after it.
            self.pieces += usize::from(!(run == 1 && last_class == Class::Upper && class == Class::Lower));
        }
        if run > 0 && last.is_ascii_alphabetic() && char.is_ascii_alphabetic() {
            self.pairs += 1;
            self.rare_pairs += usize::from(!is_common(last, char));
        }
    }

    fn is_random(&self) -> bool {
        self.digits < self.chars
            && (self.chars > MAX_WORD || self.is_hash() || self.is_jumble() || self.is_gibberish())
    }

    /// Numbers of persons begin and end with letters in many countries: `QQ123456C`.
    fn is_enclosed_number(&self, text: &str) -> bool {
        let is_enclosed = |char: Option<char>| char.is_some_and(char::is_alphabetic);
        self.digit_groups == 1
            && self.digits >= 6
            && is_enclosed(text.chars().next())
            && is_enclosed(text.chars().last())
    }

    /// Hexadecimal with letters and digits: a digest, a session, a short commit.
    fn is_hash(&self) -> bool {
        self.not_hex == 0
            && self.digits > 0
            && (self.chars >= 16 || self.chars >= 10 && self.digit_groups >= 2)
    }

    /// Letters and digits that take turns too often, the longer the word the less often will do.
    fn is_jumble(&self) -> bool {
        let (chars, pieces) = (self.chars, self.pieces);
        let is_mixed_case = self.upper > 0 && self.upper + self.digits < chars;
        let is_long_enough = chars >= 8 || chars >= 6 && is_mixed_case;
        let alternates = is_long_enough && pieces >= 4 && pieces * 2 >= chars;
        match self.digit_groups {
            0 => chars >= 10 && pieces * 2 > chars,
            1 => alternates,
            2 => {
                alternates
                    || chars >= 10 && self.digits * 5 >= chars * 2
                    || chars >= 14 && self.upper > 0
                    || chars >= 16 && pieces * 16 >= chars * 5
            }
            _ => alternates || chars >= 10,
        }
    }

    /// Pairs of letters that words do not have.
    fn is_gibberish(&self) -> bool {
        match self.pairs {
            0..7 => false,
            7..11 => self.rare_pairs * 2 > self.pairs,
            _ => self.rare_pairs * 10 > self.pairs * 3,
        }
    }
}

fn is_common(first: char, next: char) -> bool {
    let index = |letter: char| u32::from(letter.to_ascii_lowercase()).wrapping_sub(u32::from('a'));
    COMMON.get(index(first) as usize).is_some_and(|followers| followers >> index(next) & 1 == 1)
}
