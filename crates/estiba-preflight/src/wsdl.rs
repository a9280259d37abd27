//! Descriptions of SOAP services.
//! <https://www.w3.org/TR/2001/NOTE-wsdl-20010315>, <https://www.w3.org/TR/wsdl20/>

use std::collections::BTreeSet;

use roxmltree::{Document, Node};

use crate::{Fault, Wsdl};

const WSDL_1: &str = "http://schemas.xmlsoap.org/wsdl/";
const WSDL_2: &str = "http://www.w3.org/ns/wsdl";

/// Whether a text is a description, with the operation that is wanted.
pub(crate) fn check(text: &str, wanted: &Wsdl) -> Result<(), Fault> {
    let document = Document::parse(text).map_err(|error| Fault::NotXml {
        why: error.to_string(),
    })?;
    let root = document.root_element();
    let is_description =
        root.has_tag_name((WSDL_1, "definitions")) || root.has_tag_name((WSDL_2, "description"));
    if !is_description {
        return Err(Fault::NotWsdl {
            root: root.tag_name().name().to_owned(),
        });
    }
    let Wsdl::Operation(wanted) = wanted else {
        return Ok(());
    };
    let there: BTreeSet<String> = root
        .descendants()
        .filter(|node| is_of_wsdl(*node, "operation"))
        .filter_map(|node| node.attribute("name").or(node.attribute("ref")))
        .map(|name| name.rsplit(':').next().unwrap_or(name).to_owned())
        .collect();
    if there.contains(wanted) {
        return Ok(());
    }
    let imports = root.children().filter(|node| is_of_wsdl(*node, "import"));
    Err(Fault::NoOperation {
        wanted: wanted.clone(),
        there,
        imports: imports
            .filter_map(|node| node.attribute("location").map(str::to_owned))
            .collect(),
    })
}

fn is_of_wsdl(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((WSDL_1, name)) || node.has_tag_name((WSDL_2, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALCULATOR: &str = r#"<?xml version="1.0"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
  <wsdl:import namespace="urn:more" location="http://soap.example.edu/more.wsdl"/>
  <wsdl:portType name="Calculator"><wsdl:operation name="Add"/><wsdl:operation name="Subtract"/></wsdl:portType>
  <wsdl:binding name="b" type="Calculator"><wsdl:operation name="Add"><soap:operation soapAction="urn:add"/></wsdl:operation></wsdl:binding>
</wsdl:definitions>"#;

    #[test]
    fn an_operation_is_found_or_those_there_are_told() {
        assert_eq!(check(CALCULATOR, &Wsdl::Any), Ok(()));
        assert_eq!(check(CALCULATOR, &Wsdl::Operation("Add".into())), Ok(()));
        let missing = check(CALCULATOR, &Wsdl::Operation("Multiply".into()));
        let Err(Fault::NoOperation { there, imports, .. }) = missing else {
            panic!("{missing:?}");
        };
        assert_eq!(there.into_iter().collect::<Vec<_>>(), ["Add", "Subtract"]);
        assert_eq!(imports, ["http://soap.example.edu/more.wsdl"]);
    }

    #[test]
    fn what_is_no_description_is_told_apart() {
        let page = check("<html><body>login</body></html>", &Wsdl::Any);
        assert_eq!(
            page,
            Err(Fault::NotWsdl {
                root: "html".into()
            })
        );
        let broken = check("<wsdl:definitions>", &Wsdl::Any);
        assert!(matches!(broken, Err(Fault::NotXml { .. })), "{broken:?}");
        // Entities could be made to grow without end.
        let entities = check("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", &Wsdl::Any);
        assert!(
            matches!(entities, Err(Fault::NotXml { .. })),
            "{entities:?}"
        );
    }
}
