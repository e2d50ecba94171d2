"""What looks like a patient's data is masked in every log group, should it ever get there."""

from tests.stacks.templates import Template, of_type, rendered

# CloudWatch Logs User Guide, "Types of data that you can protect".
MASKED = {"Name", "Address", "EmailAddress", "PhoneNumber-US", "Ssn-US", "MedicareBeneficiaryNumber-US"}


def test_every_log_group_masks_patients_data(template: Template) -> None:
    for group in of_type(template, "AWS::Logs::LogGroup").values():
        # Given
        audit, mask = group["Properties"]["DataProtectionPolicy"]["Statement"]
        # When
        identifiers = {rendered(identifier).rsplit("/", 1)[1] for identifier in mask["DataIdentifier"]}
        # Then
        assert identifiers >= MASKED
        assert mask["Operation"] == {"Deidentify": {"MaskConfig": {}}}
        # What is masked has to be what is audited (the same guide, "JSON properties for a policy statement").
        assert audit["DataIdentifier"] == mask["DataIdentifier"]


def test_addresses_of_callers_stay_readable_for_the_list_of_allowed_ones(template: Template) -> None:
    for group in of_type(template, "AWS::Logs::LogGroup").values():
        assert "IpAddress" not in str(group["Properties"]["DataProtectionPolicy"])
