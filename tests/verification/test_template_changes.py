"""`python -m verification.template_changes` lists every change of a template but those that follow from code."""

from typing import Any

from verification.template_changes import compare


def template(*, asset: str = "0", retention: int = 30, text: str = "") -> dict[str, Any]:
    key = f"{asset * 64}.zip"
    version = f"Version{asset * 32}"
    release = f"Works. Version 1.0.{int(asset, 16)}, release {asset * 10}."
    return {
        "Resources": {
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {"Code": {"S3Key": key}, "Description": release},
            },
            version: {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}},
            "Alias": {"Type": "AWS::Lambda::Alias", "Properties": {"Version": {"Ref": version}}},
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": retention}},
            "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmDescription": text}},
        },
        "Outputs": {"Version": {"Value": asset}},
    }


def test_code_and_its_version_are_no_change() -> None:
    assert list(compare(template(asset="a"), template(asset="b"))) == []


def test_a_changed_property_is_named_by_its_path() -> None:
    changes = compare(template(retention=30, text="old"), template(retention=7, text="new"))
    assert list(changes) == [
        ("/Resources/Alarm/Properties/AlarmDescription", '"old"', '"new"'),
        ("/Resources/Logs/Properties/RetentionInDays", "30", "7"),
    ]


def test_a_renamed_resource_is_two_changes() -> None:
    new = template()
    new["Resources"]["Renamed"] = new["Resources"].pop("Logs")
    assert [path for path, _, _ in compare(template(), new)] == ["/Resources/Logs", "/Resources/Renamed"]
