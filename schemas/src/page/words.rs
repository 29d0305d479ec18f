//! Words for a user, a member, an account or a profile in the languages whose sites show them in their addresses; those of English and
//! the most common others stand in `marker`.

/// In lower case, sorted by code point.
#[rustfmt::skip]
const PERSONS: [&str; 121] = [
    "ahli", "alumno", "anggota", "anvandare", "användare", "användarnamn", "bruger", "brugere", "bruker",
    "brukere", "cliente", "clientes", "comptes", "conta", "contas", "felhasznalo", "felhasználó",
    "felhasználók", "gebruiker", "gebruikers", "gebruikersaccount", "jasen", "jäsen", "kasutaja",
    "kayttaja", "klant", "klanten", "klienci", "klient", "konton", "korisnici", "korisnik", "kullanici",
    "kullanicilar", "kullanıcı", "kullanıcılar", "kunder", "käyttäjä", "käyttäjät", "lietotājs", "medlem",
    "medlemmar", "medlemmer", "membre", "membres", "membro", "membros", "miembro", "miembros", "nguoi-dung",
    "người-dùng", "paciente", "pacientes", "pengguna", "pouzivatel", "používateľ", "thanh-vien",
    "thành-viên", "uporabnik", "usuário", "usuários", "utenti", "utilisateurs", "utilizator", "utilizatori",
    "uye", "uzivatel", "uzivatele", "uzytkownicy", "uzytkownik", "użytkownicy", "użytkownik", "uživatel",
    "uživatelé", "vartotojas", "üye", "üyeler", "λογαριασμός", "προφίλ", "χρήστες", "χρήστης", "аккаунт",
    "кабинет", "клиент", "клиенты", "користувач", "користувачі", "пользователи", "пользователь",
    "потребител", "профили", "профиль", "участник", "участники", "חשבון", "משתמש", "משתמשים", "פרופיל",
    "الأعضاء", "المستخدم", "المستخدمين", "حساب", "عضو", "مستخدم", "उपयोगकर्ता", "प्रोफ़ाइल", "ผู้ใช้",
    "สมาชิก", "プロフィール", "ユーザ", "ユーザー", "个人资料", "会员", "会員", "會員", "用戶", "用户", "用户名", "사용자", "프로필", "회원",
];

/// Longest of them in bytes.
const MAX_BYTES: usize = 48;

/// Whether a segment is one of these words.
pub(super) fn announce_person(segment: &str) -> bool {
    if segment.len() > MAX_BYTES {
        return false;
    }
    let find = |lower: &str| PERSONS.binary_search(&lower).is_ok();
    if segment.bytes().all(|byte| byte.is_ascii_lowercase()) {
        find(segment)
    } else {
        find(&segment.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_can_be_found_however_it_is_written() {
        assert!(PERSONS.is_sorted());
        for word in PERSONS {
            assert!(word.len() <= MAX_BYTES && announce_person(word), "{word}");
        }
        assert!(announce_person("ПОЛЬЗОВАТЕЛЬ") && announce_person("Usuário"));
        assert!(!announce_person("anna") && !announce_person("о-нас"));
    }
}
