//! Words in a path that announce something personal: `/user/anna`, `/reset/x7Yk`, `/order/A-1001`.
//!
//! The list is conservative, and a site's patterns overrule it: a literal such as `/user/imprint` brings a word back.

use super::mask::Mask;

/// What a word announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// A person's name, handle or number.
    Person,
    /// Something that opens a door: two segments, since often a user's key and the token follow each other.
    Secret,
    /// The number of something that belongs to one person; words after it stay.
    Number,
}

/// Longest word of the lists below.
const MAX_WORD: usize = 24;

impl Marker {
    /// What this segment announces, if anything.
    pub(super) fn of(segment: &str) -> Option<Self> {
        let mut buffer = [0; MAX_WORD];
        match lower_case(segment, &mut buffer)? {
            b"user" | b"users" | b"u" | b"username" | b"profile" | b"profiles" | b"member" | b"members"
            | b"account" | b"accounts" | b"subscriber" | b"subscribers" | b"customer" | b"client"
            | b"student" | b"employee" | b"applicant" | b"patient" | b"patients" | b"benutzer"
            | b"nutzer" | b"konto" | b"kunde" | b"kunden" | b"mitglied" | b"mitglieder" | b"profil"
            | b"utilisateur" | b"compte" | b"usuario" | b"usuarios" | b"perfil" | b"cuenta" | b"utente"
            | b"profilo" | b"email" | b"e-mail" | b"mailto" => Some(Self::Person),
            b"reset" | b"reset-password" | b"reset_password" | b"resetpassword" | b"password-reset"
            | b"password_reset" | b"passwordreset" | b"password" | b"passwd" | b"passwort" | b"forgot"
            | b"forgot-password" | b"recover" | b"invite" | b"invites" | b"invited" | b"invitation"
            | b"invitations" | b"einladung" | b"join" | b"verify" | b"verify-email" | b"verify_email"
            | b"verification" | b"confirm" | b"confirm-email" | b"confirm_email" | b"confirmation"
            | b"activate" | b"activation" | b"aktivierung" | b"bestaetigung" | b"unsubscribe" | b"optout"
            | b"opt-out" | b"abmelden" | b"magic-link" | b"magiclink" | b"magic_link" | b"token"
            | b"tokens" | b"access_token" | b"refresh_token" | b"id_token" | b"auth" | b"oauth"
            | b"oauth2" | b"sso" | b"otp" | b"bearer" | b"secret" | b"apikey" | b"api-key" | b"api_key"
            | b"sid" | b"sessionid" | b"session_id" | b"session-id" | b"phpsessid" | b"jsessionid"
            | b"login" => Some(Self::Secret),
            b"customers" | b"clients" | b"students" | b"employees" | b"candidate" | b"candidates"
            | b"applicants" | b"order" | b"orders" | b"invoice" | b"invoices" | b"booking" | b"bookings"
            | b"reservation" | b"reservations" | b"ticket" | b"tickets" | b"tracking" | b"shipment"
            | b"shipments" | b"contract" | b"contracts" | b"claim" | b"claims" | b"case" | b"cases"
            | b"cart" | b"checkout" | b"payment" | b"payments" | b"receipt" | b"receipts" | b"message"
            | b"messages" | b"chat" | b"inbox" | b"tel" | b"phone" | b"call" | b"sms" | b"whatsapp"
            | b"bestellung" | b"bestellungen" | b"rechnung" | b"rechnungen" | b"auftrag" | b"buchung"
            | b"vertrag" | b"commande" | b"facture" | b"pedido" | b"factura" | b"ip" => Some(Self::Number),
            _ => None,
        }
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
        }
    }

    /// How many segments after the marker it speaks of.
    pub(super) const fn reach(self) -> usize {
        match self {
            Self::Person | Self::Number => 1,
            Self::Secret => 2,
        }
    }
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
