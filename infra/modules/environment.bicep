// Where the containers run. A GPU profile and a network can only be given when the environment is made.
param name string
param location string
param tags object
param workloadProfile string
param workspaceName string
param insightsName string

@description('Network, server and path of the share that the workers mount; empty without one.')
param subnetId string
param shareServer string
param sharePath string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource environment 'Microsoft.App/managedEnvironments@2025-10-02-preview' = {
  name: name
  location: location
  tags: tags
  properties: {
    workloadProfiles: [
      { name: workloadProfile, workloadProfileType: workloadProfile }
    ]
    vnetConfiguration: subnetId == '' ? null : { infrastructureSubnetId: subnetId }
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: workspace.properties.customerId
        sharedKey: workspace.listKeys().primarySharedKey
      }
    }
    // The environment's own collector takes the worker's traces over OTLP and passes them on.
    appInsightsConfiguration: {
      connectionString: insights.properties.ConnectionString
    }
    openTelemetryConfiguration: {
      tracesConfiguration: { destinations: ['appInsights'] }
      logsConfiguration: { destinations: ['appInsights'] }
    }
  }

  resource share 'storages' = if (subnetId != '') {
    name: 'models'
    properties: {
      nfsAzureFile: { server: shareServer, shareName: sharePath, accessMode: 'ReadWrite' }
    }
  }
}

output id string = environment.id
output share string = subnetId == '' ? '' : environment::share.name
