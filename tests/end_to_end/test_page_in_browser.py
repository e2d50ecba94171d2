"""The page in a real browser: the acceptance test with VectorCare by clicks, and what the page shows of it."""

import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from local import environment as environments
from local import page_process
from local.environment import LocalEnvironment
from local.organization import LocalOrganization
from local.page.requester import HISTORY_COMPARED, Requester
from local.report import Report
from local.synthesis import Assembly
from tests.end_to_end.support import closed_port, function_variables
from tests.support.wait import PATIENCE, wait_until

AN_HOUR = 3600.0  # seconds
BURST = 500
TABLET = 768  # CSS pixels; on a narrower screen the tables scroll in their boxes
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

_DRIVER = shutil.which("chromedriver")
_BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
if not (_DRIVER and _BROWSER):
    warnings.warn("NOT TESTED: the page. Install a browser: apt-get install chromium chromium-driver", stacklevel=1)
pytestmark = pytest.mark.skipif(
    not (_DRIVER and _BROWSER), reason="needs chromium and chromedriver (Debian: chromium-driver)"
)


class Page:
    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def click(self, selector: str) -> None:
        """Click what can be clicked, and wait until what that asked for is answered."""

        def has_clicked() -> bool:
            wanted = self.find(selector)
            if wanted.is_displayed() and wanted.is_enabled():
                wanted.click()
                return True
            return False

        self.until(has_clicked)
        self.until(lambda: not self.driver.find_elements(By.CSS_SELECTOR, "[aria-busy]"))

    def find(self, selector: str) -> webdriver.remote.webelement.WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, name: str) -> str:
        return self.find(f"#{name}").text

    def count(self, node: str) -> int:
        return int(self.find(f"[data-count={node}]").text)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until that holds; what the page is just drawing again is looked at again."""

        def look() -> bool | str:
            try:
                return holds()
            except WebDriverException as error:
                return f"{type(error).__name__}: {error.msg}"

        try:
            wait_until(look, lambda seen: seen is True, what="the page shows it")
        except pytest.fail.Exception as failure:
            pytest.fail(f"{failure} The page: {self.find('body').text}")

    def counted(self, node: str, number: int) -> None:
        self.until(lambda: self.count(node) == number)

    def counted_all_calls(self, local: LocalEnvironment) -> None:
        """Wait until whatever was acknowledged is counted; what was tried again counts as a call, too."""

        def holds() -> bool:
            calls = Requester(local.vectorcare_url).history(HISTORY_COMPARED)["calls"]
            acknowledged = sum(str(call["status"]).startswith("2") for call in calls)
            return self.count("vectorcare") == len(calls) and acknowledged <= self.count("accepted") <= len(calls)

        self.until(holds)

    def at_rest(self) -> None:
        self.until(lambda: "nothing lost" in self.text("reconciliation"))

    def set_disorder(self, **settings: str) -> None:
        for name, value in settings.items():
            field = self.find(f"#disorder [name={name}]")
            field.clear()
            field.send_keys(value)
        self.click("#disorder button")
        self.until(lambda: "Set for" in self.text("notice"))

    def look_like(self, *, width: int, scheme: str) -> None:
        metrics = {"width": width, "height": 1150, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def axe_violations(self) -> list[Any]:
        """Ask axe which rules for accessibility are broken, and where."""
        self.driver.execute_script(AXE.read_text())
        found: list[Any] = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run().then(({violations}) => done(violations.map(({id, nodes}) => [id, nodes.map(n => n.html)])))"
        )
        return found

    def wider_than_shown(self, selector: str) -> list[str]:
        """Name the elements that a person has to scroll sideways."""
        found: list[str] = self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].filter(e => e.scrollWidth > e.clientWidth)"
            ".map(e => `${e.scrollWidth} > ${e.clientWidth} ${e.innerText}`)",
            selector,
        )
        return found


@pytest.fixture(scope="module")
def watched(
    assembly: Assembly, organization: LocalOrganization, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalEnvironment]:
    directory = tmp_path_factory.mktemp("watched")
    with (
        environments.running(
            assembly, organization, directory=directory, port=0, report=Report(), is_patient=True
        ) as running,
        page_process.serving(directory) as served,
    ):
        served.show_environment(running.describe())
        yield replace(running, page_url=served.url)


def _started(options: webdriver.ChromeOptions) -> list[webdriver.Chrome]:
    try:
        return [webdriver.Chrome(options=options, service=webdriver.ChromeService(_DRIVER))]
    except WebDriverException:  # it gives a browser that does not start half a minute or a minute, and ends it
        return []


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = _BROWSER or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('browser')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    [driver] = wait_until(lambda: _started(options), what="the browser starts")
    try:
        driver.set_script_timeout(PATIENCE)
        driver.set_page_load_timeout(PATIENCE)
        # A notice disappears after some seconds, and a slow machine must be able to read it.
        stays = "const later = setTimeout; window.setTimeout = (work, ms) => (ms === 6000 ? 0 : later(work, ms));"
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": stays})
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def page(watched: LocalEnvironment, driver: webdriver.Chrome) -> Iterator[Page]:
    """Open the page; whatever a test does, the browser logs no error."""
    assert watched.page_url
    page = Page(driver)
    page.look_like(width=1600, scheme="light")
    driver.get(watched.page_url)
    page.at_rest()
    yield page
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium has not typed it


def test_a_trip_goes_from_broadcast_to_completion_by_clicks(page: Page) -> None:
    # Given
    succeeded = page.text("commands").count("succeeded")
    # When
    page.click("[data-do=broadcast]")
    page.until(lambda: "AVAILABLE BROADCAST_RECEIVED" in page.text("events"))
    page.click("[data-command=accept]")
    page.until(lambda: "ASSIGNED BROADCAST_ACCEPTED" in page.text("events"))
    page.click("[data-do=update]")
    page.until(lambda: "pickup_date_time" in page.text("events"))
    page.click("[data-state=en_route]")
    page.until(lambda: "en_route" in page.text("trip-description"))
    page.click("[data-do=drive]")
    page.until(lambda: "5 positions" in page.text("trip-description"))
    page.click("[data-state=completed]")
    # Then
    page.until(lambda: "COMPLETED REQUEST_COMPLETED" in page.text("events"))
    page.until(lambda: page.text("commands").count("succeeded") == succeeded + 4)
    page.at_rest()


def test_a_proposed_time_a_changed_one_and_a_declined_trip_are_played_from_both_sides(page: Page) -> None:
    # Given a proposal that the requester agrees to
    page.click("[data-do=broadcast]")
    page.click("[data-do=best-time]")
    page.click("[data-do=answer-yes]")
    page.until(lambda: "ASSIGNED PROPOSAL_ACCEPTED" in page.text("events"))
    # When the requester refuses to change it
    page.click("[data-do=change-request]")
    page.click("[data-do=answer-no]")
    # Then
    page.until(lambda: "ASSIGNED CHANGE_REQUEST_DECLINED" in page.text("events"))
    # When another is declined
    page.click("[data-do=broadcast]")
    page.click("[data-command=decline]")
    # Then
    page.until(lambda: "UNAVAILABLE BROADCAST_DECLINED" in page.text("events"))
    page.at_rest()


def test_disorder_by_the_settings_ends_with_nothing_lost(page: Page, watched: LocalEnvironment) -> None:
    # Given
    sent = page.count("vectorcare")
    page.click("summary")
    page.set_disorder(late="0.2", duplicated="0.5", out_of_order="0.5", restamped="0.5", speed="100")
    # When
    for _ in range(3):
        page.click("[data-do=broadcast]")
        page.click("[data-do=update]")
    # Then
    page.until(lambda: page.count("vectorcare") > sent + 6)
    page.at_rest()
    page.set_disorder(late="0", duplicated="0", out_of_order="0", restamped="0", speed="1")
    page.counted_all_calls(watched)


def test_duplicate_late_and_forged_webhooks_are_shown_as_such(page: Page, watched: LocalEnvironment) -> None:
    # Given
    stale, duplicate, refused = page.count("stale"), page.count("duplicate"), page.count("refused")
    page.click("[data-do=broadcast]")
    page.until(lambda: "AVAILABLE BROADCAST_RECEIVED" in page.text("events"))
    # When, Then
    page.click("#history tr button:not(.link)")
    page.counted("duplicate", duplicate + 1)
    page.until(lambda: "redelivery" in page.text("history"))
    page.click("[data-do=twice]")
    page.counted("duplicate", duplicate + 2)
    page.click("[data-do=late]")
    page.counted("stale", stale + 1)
    page.until(lambda: "a newer event was already there" in page.text("events"))
    page.click("[data-do=forged]")
    page.counted("refused", refused + 1)
    page.until(lambda: "refused with 401" in page.text("notice"))
    page.counted_all_calls(watched)


def test_a_dead_letter_is_shown_with_its_reason_and_is_redriven_after_a_dry_run(
    page: Page, watched: LocalEnvironment, request: pytest.FixtureRequest
) -> None:
    # Given one whose time is far
    request.addfinalizer(lambda: watched.emulator.move_clock(seconds_ahead=0))
    watched.emulator.move_clock(seconds_ahead=-AN_HOUR)
    page.click("[data-do=poison]")
    page.counted("dead", 1)
    page.until(lambda: "timestamp_in_future" in page.text("dead-letters"))
    assert not page.find("[data-do=redrive]").is_enabled()
    # When its time has come
    watched.emulator.move_clock(seconds_ahead=AN_HOUR)
    page.click("[data-do=rehearse]")
    page.until(lambda: "1 would be moved" in page.text("rehearsed"))
    assert page.count("dead") == 1
    page.click("[data-do=redrive]")
    # Then
    page.until(lambda: "AVAILABLE BROADCAST_RECEIVED" in page.text("events"))
    page.counted("dead", 0)
    page.at_rest()


def test_while_the_queue_is_down_a_webhook_is_seen_to_wait_in_the_spool(page: Page, watched: LocalEnvironment) -> None:
    # Given
    with (
        closed_port() as closed,
        function_variables(watched, "IngestFunction", AWS_ENDPOINT_URL_SQS=closed),
        function_variables(watched, "DrainFunction", AWS_ENDPOINT_URL_SQS=closed),
    ):
        # When
        page.click("[data-do=broadcast]")
        # Then
        page.counted("spool", 1)
    watched.stack.invoke("DrainFunction", {})
    page.until(lambda: "AVAILABLE BROADCAST_RECEIVED" in page.text("events"))
    page.counted("spool", 0)
    page.at_rest()


@pytest.mark.nightly
def test_a_burst_of_500_ends_with_500_accounted_for(page: Page, watched: LocalEnvironment) -> None:
    # Given
    applied, sent = page.count("applied"), page.count("vectorcare")
    # When
    page.click("[data-do=burst]")
    # Then
    page.until(
        lambda: page.count("applied") >= applied + BURST,
    )
    page.at_rest()
    assert page.count("vectorcare") >= sent + BURST
    page.counted_all_calls(watched)


def test_the_page_is_accessible_and_nothing_is_cut_off(page: Page) -> None:
    # Given
    page.click("[data-do=forged]")
    page.click("[data-do=twice]")
    page.click("[data-command=accept]")
    page.until(lambda: "ASSIGNED BROADCAST_ACCEPTED" in page.text("events"))
    page.at_rest()
    for width, scheme in [(390, "dark"), (1024, "light"), (1600, "light")]:
        # When
        page.look_like(width=width, scheme=scheme)
        # Then
        assert page.axe_violations() == [], (width, scheme)
        assert page.wider_than_shown("html" if width < TABLET else "html, .scroll, .wide") == [], (width, scheme)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    # Given
    applied = page.count("applied")

    def press_until(selector: str) -> None:
        for _ in range(200):
            if page.driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
                return
            page.driver.switch_to.active_element.send_keys(Keys.TAB)
        pytest.fail(f"no way to {selector}")

    # When
    press_until("[data-do=broadcast]")
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.until(lambda: page.count("applied") > applied)
    page.at_rest()
    press_until("#rows button")
    page.driver.switch_to.active_element.send_keys(Keys.SPACE)
    # Then
    page.until(lambda: "BROADCAST_RECEIVED" in page.text("events"))
    assert page.find("#rows tr.chosen")
