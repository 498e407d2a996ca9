using Pedigree.Weights;

namespace Pedigree.Workflow.Publishing;

/// <summary>
/// Where the events of runs are published, beside their logs. A class and not a record: nothing prints its key.
/// </summary>
public sealed class EventTarget
{
    private const string WebhookVariable = "PEDIGREE_EVENTS_WEBHOOK";
    private const string TopicVariable = "PEDIGREE_EVENTS_TOPIC";
    private const string KeyVariable = "PEDIGREE_EVENTS_KEY";

    private EventTarget(string given, string address, bool isTopic, string? key)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri)
            || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp))
            throw new BadInputException(given, null, "must be a URL like https://example.com/events");
        if (uri.Scheme == Uri.UriSchemeHttp && !uri.IsLoopback && (isTopic || key is not null))
            throw new BadInputException(given, null, "must be https: over http the key could be read on the way");
        (Address, IsTopic, Key) = (uri, isTopic, key);
    }

    /// <summary>Where events are posted.</summary>
    public Uri Address { get; }

    /// <summary>What people call it: its address without what may be secret.</summary>
    public string Name => Address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Whether it is a topic of Azure Event Grid, with the CloudEvents schema.</summary>
    internal bool IsTopic { get; }

    internal string? Key { get; }

    /// <summary>A webhook.</summary>
    /// <param name="address">Its URL.</param>
    /// <param name="authorization">Value of the Authorization header; null for none.</param>
    /// <exception cref="BadInputException">The address is none.</exception>
    public static EventTarget Webhook(string address, string? authorization = null) =>
        new("webhook", address, false, authorization);

    /// <summary>A topic of Azure Event Grid whose input schema is CloudEvents.</summary>
    /// <param name="address">Its endpoint: https://name.region-1.eventgrid.azure.net/api/events.</param>
    /// <param name="key">One of its keys; null for the identity that this machine is signed in with.</param>
    /// <exception cref="BadInputException">The address is none.</exception>
    public static EventTarget Topic(string address, string? key = null) => new("topic", address, true, key);

    /// <summary>
    /// The target that the environment names: PEDIGREE_EVENTS_WEBHOOK or PEDIGREE_EVENTS_TOPIC, with PEDIGREE_EVENTS_KEY, a
    /// webhook's Authorization header or a topic's key. Null where it names none.
    /// </summary>
    /// <param name="webhook">A webhook that takes the place of the environment's.</param>
    /// <exception cref="BadInputException">It is no address, or there are two.</exception>
    public static EventTarget? OfEnvironment(string? webhook = null)
    {
        string? topic = Variable(TopicVariable), key = Variable(KeyVariable);
        (string given, webhook) = webhook is null ? (WebhookVariable, Variable(WebhookVariable)) : ("--publish", webhook);
        if (topic is not null && webhook is not null)
            throw new BadInputException(given, null, $"must not be given together with {TopicVariable}: events go to one place");
        return webhook is not null ? new(given, webhook, false, key)
            : topic is not null ? new(TopicVariable, topic, true, key)
            : null;
    }

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
