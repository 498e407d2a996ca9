using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using Pedigree.Api.Serving;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>The page at the top in a real browser: the Chromium that PEDIGREE_CHROMIUM names, or that is on the PATH.</summary>
public sealed class DashboardTests : IAsyncLifetime
{
    // People choose the names of folders and the reasons of orders.
    private const string Hostile = "<img src=x onerror=alert(1)>";

    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _complaints = [];
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Chromium is not { } program)
            return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = program });
        Assertions.SetDefaultExpectTimeout((float)TimeSpan.FromMinutes(2).TotalMilliseconds);
    }

    public async ValueTask DisposeAsync()
    {
        await (_browser?.DisposeAsync() ?? default);
        _playwright?.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_run_is_followed_as_it_goes_on_and_whatever_is_hostile_in_it_is_text()
    {
        TemporaryFolder.Copy(Samples.Family, _folder["family"]);
        Directory.Move(_folder["family/sort"], _folder[$"family/{Hostile}"]);
        string spec = OrderTests.Long.Replace(Samples.Family, _folder["family"]).Replace("/sort\n", $"/{Hostile}\n");
        IPage page = await OpenAsync();
        await using TestServer server = await TestServer.StartAsync(_folder["store"], _folder["family"]);
        (await server.PostAsync(spec, "live")).EnsureSuccessStatusCode();
        await page.GotoAsync(server.Address.ToString());
        await page.GetByRole(AriaRole.Link, new() { Name = "live" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "live" })).ToBeFocusedAsync();
        await Assertions.Expect(page.Locator("#status")).ToContainTextAsync("running");
        await Assertions.Expect(page.Locator("#events")).ToContainTextAsync("merge.completed");
        Assert.Equal("running", await server.StatusAsync("live"));

        await server.OrderAsync("live", $"suspend?reason={Uri.EscapeDataString(Hostile)}");
        await Assertions.Expect(page.Locator("#events")).ToContainTextAsync($"run.suspended {{\"reason\":\"{Hostile}\"}}");
        await Assertions.Expect(page.Locator("#status")).ToContainTextAsync("suspended");
        await server.OrderAsync("live", "resume");
        await Assertions.Expect(page.Locator("#status")).ToHaveTextAsync("completed · generations");

        JsonNode run = await server.GetAsync("/api/runs/live");
        JsonArray generations = run["generations"]!.AsArray();
        await Assertions.Expect(page.Locator("#generations tr")).ToHaveCountAsync(generations.Count);
        JsonNode last = generations[^1]!;
        Assert.Equal(
            [(string)last["best"]!["name"]!, Percent(last["best"]!["average"]), Percent(last["topAverage"]),
                ((double)last["meanKinship"]!).ToString("F3", CultureInfo.InvariantCulture)],
            (await page.Locator("#generations tr").Last.Locator("td").AllTextContentsAsync()).Take(4));
        Assert.Equal(
            ["completed", "kinship", $"{generations.Count - 1}", (string)run["best"]!["name"]!, Percent(run["best"]!["average"])],
            await page.Locator("#runs tr").Locator("td").AllTextContentsAsync());
        int lines = File.ReadAllLines(_folder["store/runs/live/events.jsonl"]).Length;
        await Assertions.Expect(page.Locator("#events li")).ToHaveCountAsync(lines);
        Assert.Equal($"{lines}", await page.Locator("#events li").First.GetAttributeAsync("value"));

        await Assertions.Expect(page.Locator("#events")).ToContainTextAsync($"family/{Hostile}");
        Assert.Equal(0, await page.Locator("img").CountAsync());
        await page.GetByRole(AriaRole.Link, new() { Name = "Report" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "live" })).ToBeVisibleAsync();
        Assert.Equal(0, await page.Locator("img").CountAsync());
        Assert.Empty(_complaints);
    }

    [Fact]
    public async Task The_key_in_its_address_opens_what_the_page_asks_for_and_a_list_without_runs_says_so()
    {
        const string Key = "0123456789abcdef";
        IPage page = await OpenAsync();
        await using TestServer server =
            await TestServer.StartAsync(new ServerOptions { Urls = ["http://127.0.0.1:0"], Store = _folder["store"], Key = Key });
        await page.GotoAsync($"{server.Address}?code={Key}");
        await Assertions.Expect(page.Locator("#notice")).ToHaveTextAsync("There are no runs yet.");
        Assert.Empty(_complaints);
    }

    /// <summary>A page that must not complain: no errors, no dialogs, nothing that could not be loaded.</summary>
    private async Task<IPage> OpenAsync()
    {
        Assert.SkipWhen(_browser is null,
            "no Chromium: put one on the PATH (Debian's package is chromium), or name it in PEDIGREE_CHROMIUM");
        IPage page = await _browser!.NewPageAsync();
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                _complaints.Add(message.Text);
        };
        page.PageError += (_, error) => _complaints.Add(error);
        page.Dialog += (_, dialog) =>
        {
            _complaints.Add($"dialog: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        return page;
    }

    private static string? Chromium => Environment.GetEnvironmentVariable("PEDIGREE_CHROMIUM") is { Length: > 0 } named ? named
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }, Path.Combine)
            .FirstOrDefault(File.Exists);

    private static string Percent(JsonNode? score) => (100 * (double)score!).ToString("F2", CultureInfo.InvariantCulture);
}
