using Pedigree.Evolution;

namespace Pedigree.Api.Responses;

/// <summary>The family tree of a run.</summary>
/// <param name="Nodes">The base, then all models by generation and name.</param>
/// <param name="Edges">Two for each child, that of the better parent first.</param>
internal sealed record Lineage(IReadOnlyList<LineageNode> Nodes, IReadOnlyList<LineageEdge> Edges)
{
    public static Lineage Of(IReadOnlyList<RunEvent> events)
    {
        RunState state = RunState.Of(events);
        Dictionary<string, Mating> matings = events.OfType<ParentsSelected>().SelectMany(selected => selected.Pairs)
            .ToDictionary(pair => pair.Child);
        Model[] models = [.. state.Models.Values.OrderBy(model => model.Generation)];
        return new(
            [.. (state.Base is { } ancestor ? [ancestor, .. models] : models).Select(Node)],
            [.. models.SelectMany(child => child.Parents.Select(parent => Edge(parent, child)))]);

        LineageNode Node(Model model) => new(
            model.Name, model.Name == RunState.BaseName, model.Generation, model.Digest, model.Average,
            model.Average is { } average ? state.Gain(model.Name, average) : null);
        LineageEdge Edge(string parent, Model child) => new(
            parent, child.Name, child.Purpose!.Value, matings[child.Name].Kinship,
            child.Average is { } average ? state.Gain(child.Name, average) : null);
    }
}

/// <summary>A model.</summary>
/// <param name="Name">Its name in the run.</param>
/// <param name="IsBase">Whether it is the common ancestor, which is nobody's parent here.</param>
/// <param name="Generation">0 for an admitted one.</param>
/// <param name="Digest">Its name in the store.</param>
/// <param name="Average">Weighted mean of its scores; null until it is evaluated.</param>
/// <param name="Gain">Average minus that of its parents; null for an admitted one.</param>
internal sealed record LineageNode(string Name, bool IsBase, int Generation, string Digest, double? Average, double? Gain);

/// <summary>From a parent to its child.</summary>
/// <param name="Parent">Name of the parent.</param>
/// <param name="Child">Name of the child.</param>
/// <param name="Purpose">Why the parents were merged.</param>
/// <param name="Kinship">Kinship of the two parents, in the run's measure.</param>
/// <param name="Gain">Gain of the child; null until it is evaluated.</param>
internal sealed record LineageEdge(string Parent, string Child, Purpose Purpose, double Kinship, double? Gain);
