//! What identifies a person, and what only looks like it.

use casebook_note::{IdentifierKind, identifiers};

fn found(text: &str) -> Vec<(IdentifierKind, String)> {
    let chars: Vec<char> = text.chars().collect();
    identifiers(text)
        .into_iter()
        .map(|i| (i.kind, chars[i.start..i.end].iter().collect()))
        .collect()
}

#[test]
fn identifiers_of_each_kind() {
    use IdentifierKind::*;
    let cases: &[(&str, &[(IdentifierKind, &str)])] = &[
        ("Patient: Jane Doe", &[(Name, "Jane Doe")]),
        ("Patient: DOE, JANE A", &[(Name, "DOE, JANE A")]),
        ("Patient Name: Zyx Qwert", &[(Name, "Zyx Qwert")]),
        ("patient name: zyx qwert", &[(Name, "zyx qwert")]),
        ("Name: Mary-Ann O'Brien", &[(Name, "Mary-Ann O'Brien")]),
        ("Name: José García", &[(Name, "José García")]),
        ("pt John Smith has low back pain", &[(Name, "John Smith")]),
        ("pt john smith with cough", &[(Name, "john smith")]),
        ("Mr. Smith has gout", &[(Name, "Smith")]),
        ("Mrs Garcia came today", &[(Name, "Garcia")]),
        ("mr. smith has gout", &[(Name, "smith")]),
        ("MRS. SMITH", &[(Name, "SMITH")]),
        ("Ms. Ada B. Sample is well", &[(Name, "Ada B. Sample")]),
        ("John Smith is a 45-year-old man", &[(Name, "John Smith")]),
        (
            "I saw Jennifer Zimmer for knee pain",
            &[(Name, "Jennifer Zimmer")],
        ),
        (
            "Clinic. Zyxel Qwertson, DOB 4/12/1957",
            &[(Name, "Zyxel Qwertson"), (DateOfBirth, "4/12/1957")],
        ),
        (
            "Patient Zyxel Qwertson, MRN on file 6602817",
            &[(Name, "Zyxel Qwertson"), (RecordNumber, "6602817")],
        ),
        (
            "Zyxel Qwertson, hospital no. 6614902",
            &[(Name, "Zyxel Qwertson"), (RecordNumber, "6614902")],
        ),
        ("Spouse: Peter Sample", &[(Name, "Peter Sample")]),
        ("Emergency contact: Peter Sample", &[(Name, "Peter Sample")]),
        ("Dr. Jones was called", &[(Clinician, "Jones")]),
        ("seen by Dr. Alan Grant", &[(Clinician, "Alan Grant")]),
        (
            "Electronically signed by: Pat Example, MD",
            &[(Clinician, "Pat Example")],
        ),
        ("Xu Li, NP", &[(Clinician, "Xu Li")]),
        ("Attending: Robert Miles", &[(Clinician, "Robert Miles")]),
        ("DOB: 4/12/1957", &[(DateOfBirth, "4/12/1957")]),
        ("DOB 04-12-57", &[(DateOfBirth, "04-12-57")]),
        (
            "date of birth: April 12, 1957",
            &[(DateOfBirth, "April 12, 1957")],
        ),
        ("born on 1957-04-12", &[(DateOfBirth, "1957-04-12")]),
        ("(dob 4/12/1957)", &[(DateOfBirth, "4/12/1957")]),
        ("seen on 3/1/2026", &[(Date, "3/1/2026")]),
        ("on March 1, 2026", &[(Date, "March 1, 2026")]),
        ("12 Jan 2026", &[(Date, "12 Jan 2026")]),
        ("2026-03-01", &[(Date, "2026-03-01")]),
        ("MRN: 00481516", &[(RecordNumber, "00481516")]),
        ("MRN 12345", &[(RecordNumber, "12345")]),
        ("mrn# A1234567", &[(RecordNumber, "A1234567")]),
        ("Medical record number: 123456", &[(RecordNumber, "123456")]),
        ("Patient ID: PT-889123", &[(RecordNumber, "PT-889123")]),
        (
            "Account number 4455667788",
            &[(AccountNumber, "4455667788")],
        ),
        (
            "Member ID: XYZ123456789",
            &[(AccountNumber, "XYZ123456789")],
        ),
        ("MBI 1EG4-TE5-MK73", &[(AccountNumber, "1EG4-TE5-MK73")]),
        ("1EG4TE5MK73", &[(AccountNumber, "1EG4TE5MK73")]),
        ("Policy #: 99887766", &[(AccountNumber, "99887766")]),
        ("SSN: 123-45-6789", &[(SocialSecurityNumber, "123-45-6789")]),
        ("ssn 123456789", &[(SocialSecurityNumber, "123456789")]),
        (
            "her number 123-45-6789.",
            &[(SocialSecurityNumber, "123-45-6789")],
        ),
        ("(212) 555-0147", &[(Phone, "(212) 555-0147")]),
        ("212-555-0147", &[(Phone, "212-555-0147")]),
        ("212.555.0147", &[(Phone, "212.555.0147")]),
        ("call 2125550147", &[(Phone, "2125550147")]),
        ("+1 212 555 0147", &[(Phone, "+1 212 555 0147")]),
        ("Fax: 212-555-0148", &[(Fax, "212-555-0148")]),
        ("jane.doe@example.org", &[(Email, "jane.doe@example.org")]),
        ("123 Main Street", &[(Address, "123 Main Street")]),
        (
            "lives at 4500 N Oak Park Ave, Apt 3B",
            &[(Address, "4500 N Oak Park Ave, Apt 3B")],
        ),
        ("77 Elm Dr, home", &[(Address, "77 Elm Dr")]),
        ("123 main street", &[(Address, "123 main street")]),
        ("P.O. Box 123", &[(Address, "P.O. Box 123")]),
        ("Springfield, IL 62704", &[(Place, "Springfield, IL 62704")]),
        (
            "https://portal.example.org/p/1",
            &[(Url, "https://portal.example.org/p/1")],
        ),
        ("from 192.168.1.14", &[(IpAddress, "192.168.1.14")]),
        ("Serial number: SN-99812A", &[(Serial, "SN-99812A")]),
        ("VIN: 1HGCM82633A004352", &[(Serial, "1HGCM82633A004352")]),
        ("92-year-old woman", &[(Age, "92-year-old")]),
        ("101 yo", &[(Age, "101 yo")]),
        ("age: 94", &[(Age, "94")]),
        ("ninety-three year old", &[(Age, "ninety-three year old")]),
        (
            "Größe: Mr. Smith, (212) 555-0147",
            &[(Name, "Smith"), (Phone, "(212) 555-0147")],
        ),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(k, t)| (*k, (*t).to_owned()))
            .collect();
        let found = found(text);
        if found != expected {
            wrong.push(format!("{text}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn codes_and_questions_are_no_identifiers() {
    let mut wrong = Vec::new();
    for text in [
        "M54.50 99213 J3301 99213-25 0DTJ4ZZ S52.501A 0075T",
        "NPI 1234567893",
        "NDC 12345-6789-01",
        "L33822 and A52464",
        "policy L33822",
        "DRG 470 vs 469",
        "codes 20610, 20611 and 77002",
        "MR brain without contrast 70551",
        "MRI of the knee",
        "history of MS. Patient is stable",
        "moderate MR. Patient is stable",
        "MS Contin",
        "Patient Presents With Chest Pain",
        "Patient: 45 yo male",
        "Patient: presents with cough",
        "the patient may return to work",
        "Procedure: CT of chest, 2 views",
        "99213 CT 70450",
        "call 800-633-4227",
        "Medicare Claims Processing Manual chapter 12 section 30.6.1",
        "section 50.4.4.2 of chapter 15",
        "Charles Bonnet syndrome",
        "Johns Hopkins",
        "Parkinson disease, Crohn's disease, Hashimoto thyroiditis",
        "Guillain Barre syndrome",
        "Dr visit",
        "what does the doctor have to document",
        "BP 142/86, HR 78, A1c 8.9%",
        "L4-L5, T12-L1",
        "1/2 tablet, 24/7, 3/4",
        "84 year old with hip fracture",
        "90 day global period",
        "99 units",
        "how many days to appeal a redetermination",
        "Drug name: Lisinopril",
        "Facility name: Mercy Hospital",
        "in Texas",
        "for 5 days on the road",
        "Type 2 Diabetes Mellitus With Hyperglycemia",
        "modifier 25 and 59",
        "Chronic Kidney Disease, Stage 3b",
        "Marie Curie Institute",
        "Blue Cross Blue Shield of Idaho",
        "injection, OR 20610",
        "Anthem member id",
        "what is a claim number",
        "New Patient Visit, Established Patient Visit",
        "Patient Driven Payment Model",
        "Patient Protection and Affordable Care Act",
    ] {
        let found = found(text);
        if !found.is_empty() {
            wrong.push(format!("{text}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_what_tells_of_a_patient_calls_for_a_warning() {
    let warns = |text: &str| identifiers(text).iter().any(|i| i.is_patient_data());
    for text in [
        "what is the code for pt John Smith, knee pain",
        "DOB 4/12/57 with gout, what code",
        "mrn 4455661 needs 99213",
        "Mr. Smith fell, which code",
        "123-45-6789",
    ] {
        assert!(warns(text), "{text}");
    }
    for text in [
        "is 20610 with 99213 allowed on 3/1/2026",
        "Dr. Jones wants to bill 99213-25",
        "92 year old with hip fracture",
        "which MAC covers Houston, TX 77030",
        "https://www.example.org/coverage",
        "fee for 99213 on January 5, 2026",
    ] {
        assert!(!warns(text), "{text}");
    }
}

/// The questions that coders ask; none of them is about a certain patient.
#[test]
fn no_calibration_question_raises_an_alarm() -> Result<(), std::io::Error> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/calibration");
    let mut questions = 0;
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if !path.extension().is_some_and(|e| e == "tsv" || e == "txt") {
            continue;
        }
        for line in fs_err::read_to_string(&path)?.lines() {
            let question = line.split('\t').next().unwrap_or(line);
            assert!(
                found(question).is_empty(),
                "{question}: {:?}",
                found(question)
            );
            questions += 1;
        }
    }
    assert!(questions > 200, "{questions}");
    Ok(())
}
