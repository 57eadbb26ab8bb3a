//! Abbreviations and everyday names, spelled out before a search: "CKD" stands in no official title.

/// What people write, in lower case, and the words of the official titles. Longer entries come first where one
/// holds another. Only what has one meaning in a coder's question is here.
const SPELLED: &[(&str, &str)] = &[
    ("high blood pressure", "high blood pressure hypertension"),
    ("heart attack", "acute myocardial infarction"),
    ("high cholesterol", "pure hypercholesterolemia"),
    ("pink eye", "conjunctivitis"),
    ("acid reflux", "gastro-esophageal reflux disease"),
    ("kidney stone", "calculus of kidney"),
    ("kidney stones", "calculus of kidney"),
    ("sugar diabetes", "diabetes mellitus"),
    (
        "blood clot in leg",
        "deep vein thrombosis of lower extremity",
    ),
    ("a fib", "atrial fibrillation"),
    ("afib", "atrial fibrillation"),
    ("aki", "acute kidney failure"),
    ("bph", "benign prostatic hyperplasia"),
    ("broken", "fracture"),
    ("cabg", "coronary artery bypass"),
    (
        "cad",
        "atherosclerotic heart disease of native coronary artery",
    ),
    ("chf", "heart failure"),
    ("ckd", "chronic kidney disease"),
    ("copd", "chronic obstructive pulmonary disease"),
    ("cva", "cerebral infarction"),
    ("dm1", "type 1 diabetes mellitus"),
    ("dm2", "type 2 diabetes mellitus"),
    ("dvt", "deep vein thrombosis"),
    ("esrd", "end stage renal disease"),
    ("flu", "influenza"),
    ("fx", "fracture"),
    ("gad", "generalized anxiety disorder"),
    ("gallstones", "calculus of gallbladder"),
    ("gerd", "gastro-esophageal reflux disease"),
    ("hld", "hyperlipidemia"),
    ("htn", "hypertension"),
    ("hx", "history"),
    ("ibs", "irritable bowel syndrome"),
    ("lbp", "low back pain"),
    ("mdd", "major depressive disorder"),
    ("nstemi", "non-ST elevation myocardial infarction"),
    ("osa", "obstructive sleep apnea"),
    ("pad", "peripheral vascular disease"),
    ("pna", "pneumonia"),
    ("ptsd", "post-traumatic stress disorder"),
    ("pvd", "peripheral vascular disease"),
    ("shingles", "zoster"),
    ("sob", "shortness of breath"),
    ("stemi", "ST elevation myocardial infarction"),
    ("t1dm", "type 1 diabetes mellitus"),
    ("t2dm", "type 2 diabetes mellitus"),
    ("tbi", "traumatic brain injury"),
    ("tia", "transient cerebral ischemic attack"),
    ("uri", "upper respiratory infection"),
    ("uti", "urinary tract infection"),
];

/// A text with its abbreviations and everyday names spelled out, each once; other words stay as they are.
pub fn spelled_out(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain: Vec<String> = words
        .iter()
        .map(|w| {
            w.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        })
        .collect();
    let mut out: Vec<&str> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let found = SPELLED.iter().find(|(short, _)| {
            let parts: Vec<&str> = short.split(' ').collect();
            plain.len() - at >= parts.len() && parts.iter().zip(&plain[at..]).all(|(p, w)| p == w)
        });
        match found {
            Some((short, long)) => {
                out.push(long);
                at += short.split(' ').count();
            }
            None => {
                out.push(words[at]);
                at += 1;
            }
        }
    }
    out.join(" ")
}

#[cfg(test)]
mod tests {
    use super::spelled_out;

    #[test]
    fn whole_words_only() {
        assert_eq!(
            spelled_out("T2DM with CKD, stage 3"),
            "type 2 diabetes mellitus with chronic kidney disease stage 3"
        );
        assert_eq!(spelled_out("fluid overload"), "fluid overload");
        assert_eq!(spelled_out("heart attack"), "acute myocardial infarction");
        assert_eq!(spelled_out(""), "");
    }
}
