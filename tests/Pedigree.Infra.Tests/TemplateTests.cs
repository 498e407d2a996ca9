using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Pedigree.Infra.Tests;

public partial class TemplateTests
{
    [Fact]
    public async Task No_key_opens_the_storage_account_or_the_topic_and_no_password_the_registry()
    {
        JsonNode topic = await ResourceAsync("Microsoft.EventGrid/topics");
        JsonNode registry = await ResourceAsync("Microsoft.ContainerRegistry/registries");

        JsonNode[] accounts = [.. await ResourcesAsync("Microsoft.Storage/storageAccounts")];
        Assert.Equal(2, accounts.Length);
        foreach (JsonNode account in accounts)
        {
            Assert.False((bool)account["properties"]!["allowSharedKeyAccess"]!);
            Assert.False((bool)account["properties"]!["allowBlobPublicAccess"]!);
        }
        Assert.False((bool)registry["properties"]!["adminUserEnabled"]!);
        Assert.True((bool)topic["properties"]!["disableLocalAuth"]!);
    }

    [Fact]
    public async Task The_only_key_read_is_that_of_the_log_workspace()
    {
        string template = (await Bicep.TemplateAsync()).ToJsonString();

        Assert.Equal(1, Regex.Count(template, "listKeys\\(", RegexOptions.IgnoreCase));
        Assert.Matches(@"listKeys\(resourceId\([^()]*Microsoft\.OperationalInsights/workspaces", template);
    }

    [Fact]
    public async Task The_identity_has_the_least_roles()
    {
        string template = (await Bicep.TemplateAsync()).ToJsonString();

        // Built-in roles have the same identifiers in every subscription; the templates hold no other GUID.
        Assert.Equal(
            [
                "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", // Storage Table Data Contributor
                "0ad04412-c4d5-4796-b79c-f76d14c8d402", // Durable Task Data Contributor, where there is a scheduler
                "7f951dda-4ed3-4680-a7ca-43fe172d538d", // AcrPull
                "974c5e8b-45b9-4653-ba55-5f855dd0fb88", // Storage Queue Data Contributor
                "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", // Storage Blob Data Owner
                "d5a91429-5739-47e2-a06b-3470a27159e7", // EventGrid Data Sender, where there is a topic
            ],
            Guids().Matches(template).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_app_is_a_function_app_that_scales_by_its_activities()
    {
        JsonNode app = await ResourceAsync("Microsoft.App/containerApps");
        JsonObject variables = All(await Bicep.TemplateAsync()).OfType<JsonObject>()
            .Single(variables => variables.ContainsKey("queueRule"));

        Assert.Equal("functionapp", (string?)app["kind"]);
        Assert.Equal("[parameters('minReplicas')]", (string?)variables["bounds"]!["minReplicas"]);
        Assert.Equal("[parameters('maxReplicas')]", (string?)variables["bounds"]!["maxReplicas"]);
        Assert.Matches(
            @"^\[union\(variables\('bounds'\), .*'allowScalingRuleOverride', true\(\).*queueRule", (string)variables["scale"]!);
        // An app that does not exist yet does not take the rules.
        Assert.Equal("[if(equals(parameters('image'), ''), variables('bounds'), variables('scale'))]",
            (string?)app["properties"]!["template"]!["scale"]);
    }

    [Fact]
    public async Task What_is_done_after_a_deployment_has_from_the_template_what_it_needs()
    {
        JsonNode template = await Bicep.TemplateAsync();
        string hooks = (await File.ReadAllTextAsync(Path.Combine(Bicep.Top, "azure.yaml"), TestContext.Current.CancellationToken))
            .Split("postdeploy:")[1];

        Assert.Equal(["PEDIGREE_APP", "PEDIGREE_SCALING"],
            Names().Matches(hooks).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal));
        Assert.All(Names().Matches(hooks), match => Assert.Equal("string", (string?)template["outputs"]![match.Value]!["type"]));
        Assert.Contains($"api-version={(string?)(await ResourceAsync("Microsoft.App/containerApps"))["apiVersion"]}", hooks);
    }

    [Fact]
    public async Task A_share_is_made_only_where_one_is_asked_for_and_mounted_where_models_are_looked_for()
    {
        JsonNode template = await Bicep.TemplateAsync();
        JsonNode app = await ResourceAsync("Microsoft.App/containerApps"),
            share = await ResourceAsync("Microsoft.Storage/storageAccounts/fileServices/shares");
        JsonNode made = Assert.Single(
            All(template).OfType<JsonObject>(), each => (string?)each["type"] == "Microsoft.Resources/deployments"
                && All(each).OfType<JsonObject>().Any(inner => inner["enabledProtocols"] is not null))!;

        Assert.Equal(0, (int)template["parameters"]!["shareSize"]!["defaultValue"]!);
        Assert.Equal("[greater(parameters('shareSize'), 0)]", (string?)made["condition"]);
        Assert.Equal("NFS", (string?)share["properties"]!["enabledProtocols"]);
        Assert.Contains($"'mountPath', '{(string?)template["parameters"]!["modelRoots"]!["defaultValue"]}'",
            (string?)app["properties"]!["template"]!["containers"]![0]!["volumeMounts"]);
    }

    [Fact]
    public async Task The_app_has_every_setting_that_it_reads_and_no_key()
    {
        string template = (await Bicep.TemplateAsync()).ToJsonString();

        Assert.All(
            [
                "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId",
                "AZURE_CLIENT_ID",
                "PEDIGREE_STORE", "PEDIGREE_ROOTS", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME",
                "APPLICATIONINSIGHTS_CONNECTION_STRING", .. ReadByTheApp(),
            ],
            name => Assert.Contains(name, template));
        Assert.DoesNotContain("AccountKey", template);
    }

    [Fact]
    public async Task The_topic_takes_the_events_as_the_app_publishes_them()
    {
        JsonNode topic = await ResourceAsync("Microsoft.EventGrid/topics");
        string source = Path.Combine(Bicep.Top, "src");
        string publishing = Path.Combine(source, "Pedigree.Workflow", "Publishing", "EventTarget.cs"),
            settings = Path.Combine(source, "Pedigree.Functions", "Settings.cs");

        Assert.Equal("CloudEventSchemaV1_0", (string?)topic["properties"]!["inputSchema"]);
        Assert.Contains("PEDIGREE_EVENTS_TOPIC", (await Bicep.TemplateAsync()).ToJsonString());
        Assert.Contains(
            "\"PEDIGREE_EVENTS_TOPIC\"", await File.ReadAllTextAsync(publishing, TestContext.Current.CancellationToken));
        Assert.Contains(
            "EventTarget.OfEnvironment()", await File.ReadAllTextAsync(settings, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_queue_that_scales_the_app_is_that_of_the_task_hub()
    {
        string hostFile = Path.Combine(Bicep.Top, "host.json");
        Assert.SkipUnless(File.Exists(hostFile), "The Functions app's host.json is not there yet.");
        JsonNode host = JsonNode.Parse(await File.ReadAllTextAsync(hostFile, TestContext.Current.CancellationToken))!;

        Assert.Equal((string?)host["extensions"]!["durableTask"]!["hubName"],
            (string?)All(await Bicep.TemplateAsync()).OfType<JsonObject>()
                .Single(variables => variables.ContainsKey("queueRule"))["hub"]);
    }

    /// <summary>Names of the settings that stand in the app's own code.</summary>
    private static IEnumerable<string> ReadByTheApp()
    {
        string source = Path.Combine(Bicep.Top, "src", "Pedigree.Functions");
        return Directory.Exists(source)
            ? Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories)
                .SelectMany(file => Settings().Matches(File.ReadAllText(file)))
                .Select(match => match.Groups[1].Value).Distinct()
            : [];
    }

    /// <summary>The one resource of a type that the templates make, in whichever module.</summary>
    private static async Task<JsonNode> ResourceAsync(string type) => (await ResourcesAsync(type)).Single();

    private static async Task<IEnumerable<JsonNode>> ResourcesAsync(string type) =>
        All(await Bicep.TemplateAsync()).OfType<JsonObject>()
            .Where(resource => resource["type"] is JsonValue given
                && given.ToString() == type
                && (bool?)resource["existing"] != true);

    private static IEnumerable<JsonNode> All(JsonNode node) => (node switch
    {
        JsonObject container => container.Select(entry => entry.Value),
        JsonArray list => list,
        _ => [],
    }).OfType<JsonNode>().SelectMany(All).Prepend(node);

    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")]
    private static partial Regex Guids();

    [GeneratedRegex("PEDIGREE_[A-Z]+")]
    private static partial Regex Names();

    [GeneratedRegex("\"(PEDIGREE_[A-Z_]+)\"")]
    private static partial Regex Settings();
}
