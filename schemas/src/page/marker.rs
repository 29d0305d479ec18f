//! Words in a path that announce something personal: `/user/anna`, `/reset/x7Yk`, `/order/A-1001`.
//!
//! The list is conservative, and a site's patterns overrule it: a literal such as `/user/imprint` brings a word back.

use super::{mask::Mask, words::announce_person};

/// What a word announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// A person's name, handle or number.
    Person,
    /// Something that opens a door: two segments, since often a user's key and the token follow each other.
    Secret,
    /// The number of something that belongs to one person; words after it stay.
    Number,
    /// A code, if it is one word of letters and digits; titles after it stay.
    Code,
    /// The rest of a telephone number whose first digits it is: `+49/30/901820`.
    Dialled,
}

/// Longest word of the lists below.
const MAX_WORD: usize = 24;

impl Marker {
    /// What this segment announces, if anything.
    pub(super) fn of(segment: &str) -> Option<Self> {
        if begins_telephone_number(segment) {
            return Some(Self::Dialled);
        }
        if announce_person(segment) {
            return Some(Self::Person);
        }
        let mut buffer = [0; MAX_WORD];
        let word = lower_case(segment, &mut buffer)?;
        let by_list = [
            (announces_person as fn(&[u8]) -> bool, Self::Person),
            (announces_secret, Self::Secret),
            (announces_number, Self::Number),
            (announces_code, Self::Code),
        ];
        by_list.into_iter().find_map(|(announces, marker)| announces(word).then_some(marker))
    }

    /// What the name of a parameter announces: names there say more than as a segment (`/state/texas`, but `state=…`).
    pub(super) fn of_parameter(name: &str) -> Option<Self> {
        let mut buffer = [0; MAX_WORD];
        match lower_case(name, &mut buffer)? {
            b"mail" | b"name" | b"firstname" | b"lastname" | b"first_name" | b"last_name" | b"fullname"
            | b"full_name" | b"surname" | b"vorname" | b"nachname" | b"street" | b"birthday"
            | b"birthdate" | b"dob" => Some(Self::Person),
            b"state" | b"nonce" | b"signature" | b"sig" | b"code" | b"key" | b"pwd" | b"pass"
            | b"session" | b"ticket" | b"hash" | b"csrf" | b"csrf_token" => Some(Self::Secret),
            _ => Self::of(name),
        }
    }

    /// Why what follows this marker must not be shown, if so.
    pub(super) fn mask(self, follower: &str) -> Option<Mask> {
        match self {
            Self::Person => (!is_public(follower)).then_some(Mask::Name),
            Self::Secret => (!is_public(follower)).then_some(Mask::Token),
            Self::Number => {
                let digits = follower.chars().filter(|char| char.is_numeric()).count();
                let letters = follower.chars().filter(|char| char.is_alphabetic()).count();
                (digits > letters).then_some(Mask::Id)
            }
            Self::Code => {
                let is_word = follower.chars().all(char::is_alphanumeric);
                let is_code =
                    is_word && follower.contains(char::is_numeric) && follower.contains(char::is_alphabetic);
                is_code.then_some(Mask::Token)
            }
            Self::Dialled => {
                let digits = follower.chars().filter(|char| char.is_numeric()).count();
                (digits >= 4 && !follower.contains(char::is_alphabetic)).then_some(Mask::Phone)
            }
        }
    }

    /// How many segments after the marker it speaks of.
    pub(super) const fn reach(self) -> usize {
        match self {
            Self::Person | Self::Number | Self::Code => 1,
            Self::Secret => 2,
            Self::Dialled => 3,
        }
    }
}

#[rustfmt::skip]
fn announces_person(word: &[u8]) -> bool {
    matches!(
        word,
        b"user" | b"users" | b"u" | b"username" | b"profile" | b"profiles" | b"member" | b"members" |
        b"account" | b"accounts" | b"subscriber" | b"subscribers" | b"customer" | b"client" | b"student" |
        b"employee" | b"applicant" | b"patient" | b"patients" | b"benutzer" | b"nutzer" | b"konto" |
        b"kunde" | b"kunden" | b"mitglied" | b"mitglieder" | b"profil" | b"utilisateur" | b"compte" |
        b"usuario" | b"usuarios" | b"perfil" | b"cuenta" | b"utente" | b"profilo" | b"email" | b"e-mail" |
        b"mailto" | b"user-profile" | b"user_profile" | b"userprofile" | b"my-account" | b"my-profile" |
        b"mein-konto" | b"benutzerkonto" | b"kundenkonto" | b"mon-compte" | b"mi-cuenta" | b"uid" |
        b"userid" | b"user_id" | b"user-id" | b"member_id" | b"customer_id"
    )
}

#[rustfmt::skip]
fn announces_secret(word: &[u8]) -> bool {
    matches!(
        word,
        b"reset" | b"reset-password" | b"reset_password" | b"resetpassword" | b"password-reset" |
        b"password_reset" | b"passwordreset" | b"password" | b"passwd" | b"passwort" | b"forgot" |
        b"forgot-password" | b"recover" | b"invite" | b"invites" | b"invited" | b"invitation" |
        b"invitations" | b"einladung" | b"join" | b"verify" | b"verify-email" | b"verify_email" |
        b"verification" | b"confirm" | b"confirm-email" | b"confirm_email" | b"confirmation" | b"activate" |
        b"activation" | b"aktivierung" | b"bestaetigung" | b"unsubscribe" | b"optout" | b"opt-out" |
        b"abmelden" | b"magic-link" | b"magiclink" | b"magic_link" | b"token" | b"tokens" |
        b"access_token" | b"refresh_token" | b"id_token" | b"auth" | b"oauth" | b"oauth2" | b"sso" |
        b"otp" | b"bearer" | b"secret" | b"apikey" | b"api-key" | b"api_key" | b"sid" | b"sessionid" |
        b"session_id" | b"session-id" | b"phpsessid" | b"jsessionid" | b"login" | b"sessid" |
        b"asp.net_sessionid" | b"access-token" | b"refresh-token" | b"passwort-vergessen" |
        b"passwort-reset" | b"mot-de-passe" | b"mot-de-passe-oublie"
    )
}

#[rustfmt::skip]
fn announces_number(word: &[u8]) -> bool {
    matches!(
        word,
        b"customers" | b"clients" | b"students" | b"employees" | b"candidate" | b"candidates" |
        b"applicants" | b"order" | b"orders" | b"invoice" | b"invoices" | b"booking" | b"bookings" |
        b"reservation" | b"reservations" | b"ticket" | b"tickets" | b"tracking" | b"shipment" |
        b"shipments" | b"contract" | b"contracts" | b"claim" | b"claims" | b"case" | b"cases" | b"cart" |
        b"checkout" | b"payment" | b"payments" | b"receipt" | b"receipts" | b"message" | b"messages" |
        b"chat" | b"inbox" | b"tel" | b"phone" | b"call" | b"sms" | b"whatsapp" | b"bestellung" |
        b"bestellungen" | b"rechnung" | b"rechnungen" | b"auftrag" | b"buchung" | b"vertrag" | b"commande" |
        b"facture" | b"pedido" | b"factura" | b"ip" | b"plate" | b"plates" | b"license-plate" |
        b"licence-plate" | b"kennzeichen"
    )
}

#[rustfmt::skip]
fn announces_code(word: &[u8]) -> bool {
    matches!(
        word,
        b"session" | b"magic" | b"share"
    )
}

/// An international prefix (`+49`) or an area code (`030`) alone in its segment.
fn begins_telephone_number(segment: &str) -> bool {
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    match segment.as_bytes() {
        [b'+', digits @ ..] => (1..=4).contains(&digits.len()) && segment.get(1..).is_some_and(is_number),
        [b'0', rest @ ..] => (2..=5).contains(&rest.len()) && is_number(segment),
        _ => false,
    }
}

/// Words between a marker and the person it speaks of: `/users/by-name/anna`.
pub(super) fn is_connector(segment: &str) -> bool {
    let mut buffer = [0; MAX_WORD];
    matches!(
        lower_case(segment, &mut buffer),
        Some(
            b"id"
                | b"name"
                | b"by-id"
                | b"by-name"
                | b"by_id"
                | b"by_name"
                | b"byid"
                | b"byname"
                | b"nick"
                | b"handle"
                | b"view"
                | b"show"
        )
    )
}

/// Pages that every site may have below `/user/` or `/reset/`: they name no one. Sorted.
const PUBLIC: [&str; 71] = [
    "about",
    "address",
    "addresses",
    "all",
    "apple",
    "billing",
    "callback",
    "change",
    "close",
    "complete",
    "contact",
    "create",
    "dashboard",
    "delete",
    "done",
    "edit",
    "email",
    "error",
    "expired",
    "facebook",
    "failed",
    "faq",
    "favorites",
    "favourites",
    "github",
    "google",
    "help",
    "history",
    "home",
    "index",
    "linkedin",
    "list",
    "login",
    "logout",
    "me",
    "microsoft",
    "new",
    "newsletter",
    "notifications",
    "oidc",
    "overview",
    "phone",
    "preferences",
    "privacy",
    "register",
    "registration",
    "saml",
    "search",
    "security",
    "sent",
    "settings",
    "sign-in",
    "sign-up",
    "sign_in",
    "sign_out",
    "sign_up",
    "signin",
    "signout",
    "signup",
    "step-1",
    "step-2",
    "step-3",
    "subscription",
    "subscriptions",
    "success",
    "terms",
    "thank-you",
    "thanks",
    "update",
    "us",
    "wishlist",
];

fn is_public(segment: &str) -> bool {
    let (stem, ending) = segment.split_once('.').unwrap_or((segment, "html"));
    let mut buffer = [0; MAX_WORD];
    let Some(word) = lower_case(stem, &mut buffer) else { return false };
    let is_listed = PUBLIC.binary_search_by(|public| public.as_bytes().cmp(word)).is_ok();
    matches!(ending, "html" | "htm" | "php" | "asp" | "aspx" | "jsp")
        && (is_listed || Marker::of(stem).is_some())
}

fn lower_case<'a>(word: &str, buffer: &'a mut [u8; MAX_WORD]) -> Option<&'a [u8]> {
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_pages_can_be_found() {
        assert!(PUBLIC.is_sorted());
        assert!(PUBLIC.iter().all(|word| is_public(word)) && is_public("Settings.php"));
        assert!(!is_public("anna") && !is_public("index.anna"));
    }
}
